"""LazyAdam against Adam, which moves every row.

Equal where nothing sits out, near where rows do.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import GMF, MF
from deca_tf.data import Interactions, training_batches
from deca_tf.denoisers import DENOISERS
from deca_tf.distribution import make_strategy
from deca_tf.embeddings.row_gradients import RowGradient
from deca_tf.optimizers import Adam, LazyAdam
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, STEPS = 40, 50, 2  # 56 / 24 = 2.3, rounded; more than a phase's 12 users and 24 items


def table(rows=6):
    return keras.Variable(np.random.default_rng(1).normal(size=(rows, 3)).astype(np.float32))


def updates(rows_of, seed=0):
    rng = np.random.default_rng(seed)
    return [
        tf.IndexedSlices(tf.constant(rng.normal(size=(len(r), 3)), tf.float32), tf.constant(r))
        for r in rows_of
    ]


def trained(optimizer, gradients, rows=6):
    """The table, after updates by some rows' gradients.

    A dense optimizer gets zeros for the others.
    """
    variable = table(rows)
    for gradient in gradients:
        given = gradient
        if not isinstance(optimizer, LazyAdam):
            given = tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)
        optimizer.apply([given], [variable])
    return variable


def test_rows_of_every_batch_move_as_under_adam_whatever_duplicates_they_have():
    gradients = updates([[3, 1, 0, 3, 2, 3, 4, 5, 0]] * 20)
    lazy, dense = trained(LazyAdam(0.01), gradients), trained(Adam(0.01), gradients)
    np.testing.assert_allclose(lazy.numpy(), dense.numpy(), atol=2e-6)


def test_dense_gradients_move_as_under_adam():
    values = [
        np.random.default_rng(step).normal(size=shape) for step in range(10) for shape in [(6, 3)]
    ]
    lazy, dense = table(), table()
    number, same = keras.Variable(1.0), keras.Variable(1.0)
    for optimizer, *variables in ((LazyAdam(0.01), lazy, number), (Adam(0.01), dense, same)):
        for gradient in values:
            optimizer.apply(
                [tf.constant(gradient, tf.float32), tf.constant(gradient[0, 0], tf.float32)],
                variables,
            )
    np.testing.assert_allclose(lazy.numpy(), dense.numpy(), atol=2e-6)
    np.testing.assert_allclose(number.numpy(), same.numpy(), atol=2e-6)


def test_rows_that_sat_out_follow_adam_closely_once_caught_up():
    rng = np.random.default_rng(2)
    gradients = updates([rng.choice(40, 4) for _ in range(600)])
    start = table(40).numpy()
    optimizer = LazyAdam(0.01)
    lazy, dense = trained(optimizer, gradients, rows=40), trained(Adam(0.01), gradients, rows=40)
    behind = np.abs(lazy.numpy() - dense.numpy()).mean()
    optimizer.catch_up()
    caught_up = np.abs(lazy.numpy() - dense.numpy()).mean()
    moved = np.abs(dense.numpy() - start).mean()
    assert caught_up < 0.02 * moved
    assert caught_up < 0.5 * behind
    once = lazy.numpy()
    optimizer.catch_up()
    np.testing.assert_array_equal(lazy.numpy(), once)


def test_rows_are_caught_up_in_chunks_as_they_are_at_once(monkeypatch):
    found = []
    for chunk in (6, 4):  # of four, the second ends with the last row again and again
        monkeypatch.setattr("deca_tf.optimizers.lazy_adam.CHUNK", chunk)
        optimizer = LazyAdam(0.01)
        variable = trained(optimizer, updates([range(6)] + [[1]] * 9))
        behind = variable.numpy()
        optimizer.catch_up()
        found.append((variable.numpy(), optimizer.variables[-1].numpy()))
        moved = (found[-1][0] != behind).all(axis=1)
        assert moved.tolist() == [True, False, True, True, True, True]
    for at_once, in_chunks in zip(*found, strict=True):
        np.testing.assert_allclose(in_chunks, at_once, rtol=1e-5, atol=1e-7)


def test_moments_of_a_row_that_sat_out_are_exact():
    optimizer = LazyAdam(0.01)
    trained(optimizer, updates([[0, 1]] + [[1]] * 9))
    optimizer.catch_up()
    m, v = optimizer.variables[-1].numpy()[0, :3], optimizer.variables[-1].numpy()[0, 3:6]
    gradient = updates([[0, 1]])[0].values.numpy()[0]
    np.testing.assert_allclose(m, 0.1 * gradient * 0.9**9, rtol=1e-5)
    np.testing.assert_allclose(v, 0.001 * gradient**2 * 0.999**9, rtol=1e-4)


def test_tables_that_are_moved_together_move_as_each_alone():
    """Two with the same ids, one of as many rows with others, one of other sizes."""
    ids, others = tf.constant([3, 1, 3, 5]), tf.constant([0, 5, 1, 1])
    given = [(6, ids), (6, ids), (6, others), (8, others)]
    together = LazyAdam(0.01)
    tables, alone = [table(rows) for rows, _ in given], [table(rows) for rows, _ in given]
    optimizers = [LazyAdam(0.01) for _ in given]
    for step in range(3):
        values = [update.values for update in updates([range(4)] * len(given), seed=step)]
        gradients = [
            RowGradient(value, place, None) for value, (_, place) in zip(values, given, strict=True)
        ]
        together.apply(gradients, tables)
        for optimizer, gradient, variable in zip(optimizers, gradients, alone, strict=True):
            optimizer.apply([tf.IndexedSlices(gradient.values, gradient.ids)], [variable])
    for optimizer in (together, *optimizers):
        optimizer.catch_up()
    for one, other in zip(tables, alone, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-7)


def test_other_rows_and_their_slots_stay_bit_identical():
    optimizer = LazyAdam(0.01)
    optimizer.build([variable := table()])
    optimizer.penalize([variable], 0.1)
    before = [variable.numpy(), optimizer.variables[-1].numpy()]
    optimizer.apply(updates([[2, 4, 2]]), [variable])
    for old, new in zip(before, (variable.numpy(), optimizer.variables[-1].numpy()), strict=True):
        np.testing.assert_array_equal(old[[0, 1, 3, 5]], new[[0, 1, 3, 5]])
        assert (old[[2, 4]] != new[[2, 4]]).any(axis=1).all()


def test_penalty_has_the_weight_of_the_updates_since_the_row_was_last_seen():
    optimizer = LazyAdam(0.0, beta_1=0.0)  # the weight rests, and m is the last gradient
    optimizer.build([variable := table()])
    optimizer.penalize([variable], 0.25)
    zeros = [
        tf.IndexedSlices(tf.zeros((len(rows), 3)), tf.constant(rows))
        for rows in ([0, 1], [1], [1], [0, 0, 1])
    ]
    for gradient in zeros:
        optimizer.apply([gradient], [variable])
        optimizer.catch_up()  # counts as no visit
    received = optimizer.variables[-1].numpy()[:2, :3]
    np.testing.assert_allclose(
        received, 0.25 * variable.numpy()[:2] * np.array([[3.0], [1.0]]), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["weight_decay", "clipnorm", "use_ema", "amsgrad"])
def test_what_needs_whole_tables_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be unset.*Received: {name}=1"):
        LazyAdam(**{name: 1})


def test_settings_survive():
    optimizer = LazyAdam(0.02, beta_1=0.8, beta_2=0.99, epsilon=1e-6)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is LazyAdam
    assert again.get_config() == optimizer.get_config()
    assert (again.beta_1, again.beta_2, again.epsilon) == (0.8, 0.99, 1e-6)
    with pytest.raises(ValueError, match="`beta_2` above beta_1"):
        LazyAdam(beta_1=0.9, beta_2=0.5)


# In a model


@pytest.fixture(scope="module")
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 56, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def build(optimizer, name="deca", l2=0.01, **options):
    networks = {
        role: MF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.3, seed=seed)
        for seed, role in enumerate(DENOISERS.load(name).networks, 2)
    }
    target = GMF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.3, seed=1)
    penalty = options.pop("penalty", "squares")
    model = DeCAModel(target, DENOISERS.build(name, **networks), l2=l2 * USERS, penalty=penalty)
    model.compile(optimizer, **{"jit_compile": False, **options})
    return model


def fit(model, interactions, start_step=0, batch_size=24, **options):
    batches = training_batches(interactions, batch_size=batch_size, seed=3, start_step=start_step)
    model.fit(batches, verbose=0, shuffle=False, **options)
    return model


@pytest.mark.parametrize("by_rows", [True, False])
def test_deca_trains_as_under_adam_where_every_row_is_in_every_batch(by_rows, monkeypatch):
    if by_rows:  # as tables are that have more rows than a batch asks for
        monkeypatch.setattr(
            "deca_tf.training._updates.dense_if_small", lambda gradient, replicas: gradient
        )
    pair = np.repeat(np.arange(USERS * ITEMS, dtype=np.int32), 2)[:, None]  # the phases take turns
    label = np.float32(np.random.default_rng(0).integers(0, 2, pair.shape))
    batch = tf.data.Dataset.from_tensors(
        ({"user_id": pair // ITEMS, "item_id": pair % ITEMS}, label)
    ).repeat(6)
    lazy = build(LazyAdam(0.01, epsilon=1e-3), l2=0.1)
    dense = build(Adam(0.01, epsilon=1e-3), l2=0.1)
    for model in (lazy, dense):
        model.fit(batch, verbose=0, shuffle=False)
    for one, other in zip(lazy.weights, dense.weights, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=5e-6, err_msg=one.path)


def test_a_groups_user_may_be_given_once(interactions):
    def repeated(inputs, label):
        return {**inputs, "user_id": tf.repeat(inputs["user_id"], 2, axis=1)}, label

    trained = []
    for form in (lambda *batch: batch, repeated):
        model = build(LazyAdam(0.01, epsilon=1e-3), "none")
        model.fit(
            training_batches(interactions, batch_size=16, seed=3).map(form),
            epochs=2,
            verbose=0,
            shuffle=False,
        )
        trained.append(model.weights)
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=1e-6, err_msg=one.path)


def test_a_saved_model_goes_on_bit_for_bit(interactions, tmp_path):
    model = fit(build(LazyAdam(0.01)), interactions, epochs=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is LazyAdam
    for each in (model, loaded):
        fit(each, interactions, start_step=2 * STEPS, epochs=2)
    variables = [
        [
            *each.weights,
            *(v for o in (each.optimizer, *each.phase_optimizers.values()) for v in o.variables),
        ]
        for each in (model, loaded)
    ]
    for one, other in zip(*variables, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(other), err_msg=one.path)


def test_two_devices_train_like_one(interactions, two_cpus):
    assert len(two_cpus) == 2
    one = fit(build(LazyAdam(0.01, epsilon=1e-3)), interactions, epochs=3)
    with make_strategy(
        "mirrored"
    ).scope():  # TensorFlow's collectives mix up those of two strategies
        two = build(LazyAdam(0.01, epsilon=1e-3))
    fit(two, interactions, epochs=3)
    for weight, single in zip(two.weights, one.weights, strict=True):
        np.testing.assert_allclose(
            np.array(weight), np.array(single), rtol=0, atol=2e-6, err_msg=single.path
        )


def test_no_table_is_read_or_written_whole(interactions):
    """In the graph of a training step, only lookups touch the tables."""
    model = build(LazyAdam(0.01))
    model.make_train_function()
    batch = next(iter(training_batches(interactions, batch_size=24)))
    step = tf.function(model.train_step).get_concrete_function(batch)
    tables = {id(v.value.handle) for v in (model.target.user_table, model.target.item_table)}
    slots = [
        s.value
        for o in (model.optimizer, *model.phase_optimizers.values())
        for s in o._slots.values()
    ]
    tables |= {id(slot.handle) for slot in slots if slot.shape[0] in (USERS, ITEMS)}
    inner = [internal for external, internal in step.graph.captures if id(external) in tables]
    assert len(inner) == len(tables)
    kinds = {operation.type for tensor in inner for operation in tensor.consumers()}
    assert kinds == {"ResourceGather", "ResourceScatterUpdate"}


def test_norms_of_whole_tables_are_refused(interactions):
    with pytest.raises(
        ValueError, match="`penalty` must be 'squares' under LazyAdam.*penalty='norms'"
    ):
        fit(build(LazyAdam(0.01), "none", penalty="norms"), interactions)
