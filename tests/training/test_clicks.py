"""Updates on clicks among shared candidates, against a second implementation in float64.

Its gradients are differences. The loss is a softmax over the candidates, each as often as it stands
for items, without the click itself and with it once.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import MF
from deca_tf.data import Interactions, training_batches
from deca_tf.data.shared_pool import SharedPool
from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.distribution import make_strategy
from deca_tf.optimizers import Adam, LazyAdam
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, DIM, CLICKS, SEED = 5, 9, 3, 12, 4


class Competing(Denoiser):
    """A loss of one's own: one function."""

    layout = "clicks"
    gives_probabilities = False
    pool_size = None

    def compute_click_loss(
        self, phase, inputs, click_logits, candidate_logits, candidate_weight, update
    ):
        assert inputs["candidate_id"].shape[0] == candidate_logits.shape[1]
        return objectives.softmax_cross_entropy(click_logits, candidate_logits, candidate_weight)


def build(pool_size=None):
    target = MF(USERS, ITEMS, embedding_dim=DIM, item_bias=True, embedding_stddev=0.7, seed=SEED)
    target.item_bias_table.assign(np.linspace(-1, 1, ITEMS))
    denoiser = Competing()
    denoiser.pool_size = pool_size
    return DeCAModel(target, denoiser)


def clicks(weighted=False):
    rng = np.random.default_rng(0)
    inputs = {
        "user_id": rng.integers(0, USERS, (CLICKS, 1)).astype(np.int32),
        "item_id": rng.integers(0, ITEMS, (CLICKS, 1)).astype(np.int32),
    }
    batch = inputs, np.ones((CLICKS, 1), np.float32)
    return (*batch, rng.choice(np.float32([0, 0.5, 2]), (CLICKS, 1))) if weighted else batch


def candidates(pool_size):
    """Ids and for how many items each stands, in the first update."""
    if pool_size is None:
        return np.arange(ITEMS), np.ones(ITEMS)
    pool = SharedPool(pool_size, ITEMS, SEED)
    return np.array(pool(tf.constant(0))), pool.stands_for


def loss_of(weights, batch, pool_size):
    """Also the mean share of a click."""
    users, items, bias = weights
    inputs, _, *weight = batch
    user, item = inputs["user_id"][:, 0], inputs["item_id"][:, 0]
    weight = weight[0][:, 0] if weight else np.ones(CLICKS)
    ids, stands_for = candidates(pool_size)
    losses, shares = [], []
    for u, i in zip(user, item, strict=True):
        own = np.exp(users[u] @ items[i] + bias[i])
        others = sum(
            count * np.exp(users[u] @ items[j] + bias[j])
            for j, count in zip(ids, stands_for, strict=True)
            if j != i
        )
        shares.append(own / (own + others))
        losses.append(-np.log(shares[-1]))
    return (weight * losses).mean(), np.mean(shares)


def gradients_of(weights, batch, pool_size, step=1e-6):
    found = []
    for weight in weights:
        gradient = np.zeros_like(weight)
        for index in np.ndindex(weight.shape):
            kept = weight[index]
            weight[index] = kept + step
            above = loss_of(weights, batch, pool_size)[0]
            weight[index] = kept - step
            gradient[index] = (above - loss_of(weights, batch, pool_size)[0]) / (2 * step)
            weight[index] = kept
        found.append(gradient)
    return found


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("pool_size", [None, 4])
def test_an_update_follows_the_gradient_of_the_softmax(pool_size, weighted, compiled):
    model, batch = build(pool_size), clicks(weighted)
    before = [np.float64(weight.numpy()) for weight in model.target.weights]
    loss, share = loss_of(before, batch, pool_size)
    gradients = gradients_of(before, batch, pool_size)
    model.compile(keras.optimizers.SGD(1.0), jit_compile=compiled)
    logs = model.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0).history
    assert logs["loss"] == pytest.approx([loss], rel=1e-5)
    assert logs["positive_prob"] == pytest.approx([share], rel=1e-5)
    assert logs["negative_prob"] == pytest.approx([(1 - share) / (ITEMS - 1)], rel=1e-5)
    for weight, old, gradient in zip(model.target.weights, before, gradients, strict=True):
        np.testing.assert_allclose(old - weight.numpy(), gradient, rtol=1e-4, atol=1e-5)


def test_what_is_no_click_is_left_out():
    inputs, label = clicks()
    more = {name: np.tile(ids, (1, 3)) for name, ids in inputs.items()}
    more["item_id"][:, 1:] = 0
    with_negatives = more, np.tile(np.float32([1, 0, 0]), (CLICKS, 1))
    models = [build(), build()]
    for model, batch in zip(models, [(inputs, label), with_negatives], strict=True):
        model.compile(keras.optimizers.SGD(1.0))
        model.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0)
    for one, other in zip(models[0].weights, models[1].weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_rows_that_a_pool_leaves_out_stay_under_the_lazy_adam():
    """And those it takes move as under Adam, in the first update."""
    batch, models = clicks(), [build(4), build(4)]
    before = np.array(models[0].target.item_table)
    for model, optimizer in zip(models, (LazyAdam(0.01), Adam(0.01)), strict=True):
        model.compile(optimizer, jit_compile=True)
        model.train_on_batch(*batch)
    lazy, usual = (np.array(model.target.item_table) for model in models)
    taken = np.union1d(batch[0]["item_id"], candidates(4)[0])
    left = np.setdiff1d(np.arange(ITEMS), taken)
    assert len(left)
    np.testing.assert_array_equal(lazy[left], before[left])
    np.testing.assert_allclose(lazy[taken], usual[taken], rtol=1e-4, atol=1e-6)


def test_over_the_whole_catalogue_the_lazy_adam_moves_the_users_of_a_batch_by_rows():
    inputs, label = clicks()
    inputs["user_id"] = inputs["user_id"] % 2
    models = [build(), build()]
    before = np.array(models[0].target.user_table)
    for model, optimizer in zip(models, (LazyAdam(0.01), Adam(0.01)), strict=True):
        model.compile(optimizer, jit_compile=True, steps_per_execution=2)
        model.fit(tf.data.Dataset.from_tensors((inputs, label)).repeat(2), verbose=0)
    lazy, usual = (model.target for model in models)
    np.testing.assert_array_equal(np.array(lazy.user_table)[2:], before[2:])
    for one, other in zip(lazy.weights, usual.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=one.path)


def pairs():
    keys = np.random.default_rng(1).choice(USERS * ITEMS, 24, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def test_fit_reads_clicks_alone_and_validates_by_their_loss():
    model = build()
    model.compile(Adam(0.0))
    history = model.fit(pairs(), batch_size=8, validation_data=pairs(), verbose=0).history
    # Every click once in both, and no weight has moved.
    assert history["val_loss"] == pytest.approx(history["loss"], rel=1e-5)
    evaluated = model.evaluate(pairs(), verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(history["loss"][0], rel=1e-5)


def test_validation_is_always_among_the_same_candidates_and_weighs_clicks():
    model = build(4)
    model.compile(Adam(0.0))
    inputs, label, weight = clicks(weighted=True)
    plain, again = (model.evaluate(inputs, label, verbose=0) for _ in range(2))
    model.fit(pairs(), verbose=0)  # counts updates, and moves nothing
    assert plain == again == model.evaluate(inputs, label, verbose=0)
    weighted = model.evaluate(inputs, label, sample_weight=weight, verbose=0)
    doubled = model.evaluate(inputs, label, sample_weight=2 * weight, verbose=0)
    assert doubled == pytest.approx(2 * weighted)


def test_options_of_negatives_are_refused():
    model = build()
    model.compile(Adam())
    for name, value in (("num_negatives", 3), ("exclude_observed", True)):
        with pytest.raises(
            ValueError, match=f"`{name}` must be left out under Competing.*Received: {name}={value}"
        ):
            model.fit(pairs(), verbose=0, **{name: value})


def test_two_devices_make_the_updates_of_one(two_cpus):
    found = []
    for strategy in (tf.distribute.get_strategy(), make_strategy("mirrored")):
        with strategy.scope():
            model = build(4)
            model.compile(Adam(0.1), jit_compile=False)
        batches = training_batches(pairs(), batch_size=8, num_negatives=0)
        model.fit(batches, epochs=2, verbose=0, shuffle=False)
        found.append([np.array(weight) for weight in model.target.weights])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_keras_model_without_backbone_competes_by_its_pairs():
    """With sizes it takes the catalogue, without it says what it needs."""
    inputs = {name: keras.Input((), name=name, dtype="int32") for name in ("user_id", "item_id")}
    vectors = [
        keras.layers.Embedding(size, DIM, embeddings_initializer="normal")(ids)
        for size, ids in zip((USERS, ITEMS), inputs.values(), strict=True)
    ]
    logits = keras.layers.Reshape(())(keras.layers.Dot(1)(vectors))
    model = DeCAModel(keras.Model(inputs, logits), Competing(), num_users=USERS)
    model.compile(keras.optimizers.SGD(1.0))
    logs = model.fit(*clicks(), batch_size=CLICKS, verbose=0).history
    assert logs["loss"] == pytest.approx([np.log(ITEMS)], rel=0.01)  # nearly equal logits


def test_a_model_of_unknown_size_is_refused():
    class Constant(keras.Model):
        def call(self, inputs):
            return 0.0 * keras.ops.cast(inputs["item_id"], "float32")

    model = DeCAModel(Constant(), Competing(), num_users=USERS)
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    with pytest.raises(ValueError, match="`target` must have `num_items` under a denoiser"):
        model.fit(*clicks(), batch_size=CLICKS, verbose=0)
