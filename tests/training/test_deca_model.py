"""`DeCAModel` as a user meets it.

Plain `fit`, its logs, callbacks, what stays still, and what is refused.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import BACKBONES, GMF, MF
from deca_tf.data import (
    Interactions,
    training_batches,
    training_batches_by_user,
    validation_batches,
)
from deca_tf.denoisers import DENOISERS, CrossEntropy, DeCA
from deca_tf.training._batch_layout import flatten
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, PAIRS = 12, 15, 80


@pytest.fixture(scope="module")
def interactions():
    rng = np.random.default_rng(0)
    keys = rng.choice(USERS * ITEMS, PAIRS, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def mf(seed, **options):
    return MF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.3, seed=seed, **options)


def build(name="deca", target=None, l2=0.01, **options):
    """`l2` is the penalty's weight in an update, lambda / users."""
    networks = {role: mf(seed) for seed, role in enumerate(DENOISERS.load(name).networks, 2)}
    denoiser = DENOISERS.build(name, options=options, **networks)
    target = target or GMF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.3, seed=1)
    return DeCAModel(target, denoiser, l2=l2 * USERS, num_users=USERS)


def compiled(model, **options):
    """Run eagerly where the graph is not the point.

    Building it takes longer than these few steps.
    """
    model.compile(optimizer=keras.optimizers.Adam(0.01), **(options or {"run_eagerly": True}))
    return model


def fit(model, batches, **options):
    return model.fit(batches, verbose=0, shuffle=False, **options).history


def values(weights):
    return [np.array(weight) for weight in weights]


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


# Losses


def test_logged_loss_is_the_mean_over_the_updates(interactions):
    """With a learning rate of zero nothing moves.

    So the mean over an epoch can be computed outside.
    """
    model = build("none", l2=0.5)
    model.compile(optimizer=keras.optimizers.SGD(0.0), run_eagerly=True)
    expected = []
    for inputs, _ in training_batches(interactions, batch_size=16):
        logits = np.array(model(inputs))
        # groups of a positive, log(1 + e^-x), and a negative, log(1 + e^x)
        expected.append(
            np.log1p(np.exp(-logits[:, 0])).mean() + np.log1p(np.exp(logits[:, 1])).mean()
        )
    squares = sum((np.array(weight) ** 2).sum() for weight in model.target.weights)
    logged = fit(model, training_batches(interactions, batch_size=16))["loss"]
    assert logged == pytest.approx([np.mean(expected) + 0.5 / 2 * squares], rel=1e-5)


def test_logged_probabilities_are_the_targets_by_label(interactions):
    model = build("none")
    model.compile(optimizer=keras.optimizers.SGD(0.0), run_eagerly=True)
    probabilities = np.concatenate(
        [
            1 / (1 + np.exp(-np.array(model(inputs))))
            for inputs, _ in training_batches(interactions, batch_size=16)
        ]
    )
    history = fit(model, training_batches(interactions, batch_size=16))
    assert history["positive_prob"] == pytest.approx([probabilities[:, 0].mean()], rel=1e-5)
    assert history["negative_prob"] == pytest.approx([probabilities[:, 1].mean()], rel=1e-5)


@pytest.mark.parametrize("name", ["none", "deca", "deca-limit"])
def test_validation_loss_is_the_targets_cross_entropy_whatever_the_denoiser(name, interactions):
    model = compiled(build(name))
    batches = validation_batches(
        interactions, batch_size=32
    )  # 32 + 32 + 16: unequal batches, equal examples
    logits = np.concatenate([np.array(model.target(inputs)) for inputs, _ in batches])
    label = np.concatenate([np.array(label) for _, label in batches])
    expected = np.mean(np.log1p(np.exp(logits)) - label * logits)
    assert model.evaluate(batches, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_calling_and_predicting_mean_the_target_alone(interactions):
    model = compiled(build())
    batches = validation_batches(interactions, batch_size=40)
    expected = np.concatenate([np.array(model.target(inputs)) for inputs, _ in batches])
    np.testing.assert_allclose(model.predict(batches, verbose=0), expected, atol=1e-6)


def test_a_groups_user_may_be_given_once(interactions):
    """The form of `training_batches`, against one in which every example has its user."""

    def repeated(inputs, label):
        return {**inputs, "user_id": tf.repeat(inputs["user_id"], 3, axis=1)}, label

    trained = []
    for form in (lambda *batch: batch, repeated):
        model = compiled(build(), jit_compile=True)
        fit(
            model,
            training_batches(interactions, batch_size=16, num_negatives=2).map(form),
            epochs=2,
        )
        trained.append(values(model.weights))
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


# What moves and what does not


@pytest.mark.parametrize(
    ("phase", "idle"), [("dp", "likelihood_if_positive"), ("dn", "likelihood_if_negative")]
)
def test_network_that_is_idle_in_a_phase_stays_bit_identical_with_its_optimizer_slots(
    phase, idle, interactions
):
    model = compiled(build())
    fit(model, training_batches(interactions, batch_size=16))  # so that its moments are not zero
    other = {"dp": "dn", "dn": "dp"}[phase]
    still = [*getattr(model.denoiser, idle).weights, *model.phase_optimizers[other].variables]
    moving = [
        model.target.weights,
        model.denoiser.auxiliary.weights,
        *(network.weights for network in model.denoiser.trainable_networks(phase)),
        model.phase_optimizers[phase].variables,
    ]
    before, before_moving = values(still), [values(weights) for weights in moving]
    assert all(value.any() for value in before)
    inputs, label = next(iter(training_batches(interactions, batch_size=16)))
    model._update(phase, *flatten(inputs, label))
    assert same(values(still), before)
    assert not any(
        same(values(weights), old) for weights, old in zip(moving, before_moving, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "idle"), [("deca-dp", "likelihood_if_positive"), ("deca-dn", "likelihood_if_negative")]
)
def test_network_of_the_phase_left_out_never_moves(name, idle, interactions):
    model = compiled(build(name))
    networks = {role: getattr(model.denoiser, role) for role in model.denoiser.networks}
    before = {role: values(network.weights) for role, network in networks.items()}
    fit(model, training_batches(interactions, batch_size=16), epochs=2)
    moved = {
        role
        for role, network in networks.items()
        if not same(values(network.weights), before[role])
    }
    assert moved == set(networks) - {idle}
    assert not any(
        variable.path in str(model.optimizer.variables) for variable in networks[idle].weights
    )


def test_prior_never_moves_and_stays_frozen_when_the_model_is_loaded(interactions, tmp_path):
    model = compiled(build("deca-p"))
    before = values(model.denoiser.auxiliary.weights)
    fit(model, training_batches(interactions, batch_size=16))
    assert same(values(model.denoiser.auxiliary.weights), before)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.denoiser.auxiliary.trainable_variables == []
    fit(loaded, training_batches(interactions, batch_size=16))
    assert same(values(loaded.denoiser.auxiliary.weights), before)
    assert not same(values(loaded.target.weights), values(model.target.weights))


def test_network_of_one_phase_counts_its_own_updates_and_follows_the_learning_rate(interactions):
    model = compiled(build())
    fit(model, training_batches(interactions, batch_size=16))  # five steps
    assert int(model.optimizer.iterations) == 10
    assert [int(optimizer.iterations) for optimizer in model.phase_optimizers.values()] == [5, 5]
    model.optimizer.learning_rate = 0.0
    before = values(model.denoiser.weights)
    fit(model, training_batches(interactions, batch_size=16))
    assert same(values(model.denoiser.weights), before)


def test_regularisation_pulls_on_the_target_alone(interactions):
    """One step of rate 1, with and without it.

    The target differs by its gradient, l2 times each weight.
    """
    models = [build("deca-dp", l2=l2) for l2 in (0.25, 0.0)]
    start = values(models[0].target.weights)
    for model in models:
        model.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
        fit(model, training_batches(interactions, batch_size=16).take(1))
    pulled, free = (values(model.target.weights) for model in models)
    for weight, without, before in zip(pulled, free, start, strict=True):
        np.testing.assert_allclose(weight - without, -0.25 * before, rtol=1e-3, atol=2e-5)
    for role in models[0].denoiser.networks:
        assert same(*(values(getattr(model.denoiser, role).weights) for model in models)), role


def test_penalty_of_norms_pulls_each_weight_by_its_direction(interactions):
    """The slope of ||w|| is w / ||w||.

    One step of rate 1, with and without it; a weight of zeros stays.
    """
    models = [build("none", target=mf(1, item_bias=True), l2=l2) for l2 in (0.25, 0.0)]
    for model in models:
        model.penalty = "norms"
        model.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    start = values(models[0].target.weights)
    assert not start[-1].any()
    for model in models:
        fit(model, training_batches(interactions, batch_size=16).take(1))
    pulled, free = (values(model.target.weights) for model in models)
    for weight, without, before in zip(pulled, free, start, strict=True):
        direction = before / max(np.linalg.norm(before), 1e-9)
        np.testing.assert_allclose(weight - without, -0.25 * direction, rtol=1e-3, atol=2e-6)


def test_penalty_is_checked_and_saved(tmp_path):
    with pytest.raises(
        ValueError, match="`penalty` must be one of 'squares', 'norms'. Received: penalty='norm'"
    ):
        DeCAModel(mf(1), penalty="norm")
    model = compiled(DeCAModel(mf(1), l2=0.5, penalty="norms"))
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").penalty == "norms"


def test_denoiser_looks_back_at_each_epoch_before_the_callbacks_do(interactions):
    seen = []

    class LooksBack(CrossEntropy):
        def on_epoch_end(self, target):
            seen.append(("denoiser", target))

    model = compiled(DeCAModel(mf(1), LooksBack()))
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(("callback", epoch))
    )
    fit(model, training_batches(interactions, batch_size=16), epochs=2, callbacks=[spy])
    assert [name for name, _ in seen] == ["denoiser", "callback"] * 2
    assert seen[0][1] is model.target


def test_optimizer_is_compiled_where_the_target_cannot_be(interactions):
    """The same weights as without any compilation, for a model of one optimizer per phase."""
    models = [build("deca"), build("deca")]
    compiled(models[0], jit_compile=False)
    compiled(models[1])
    for model in models:
        fit(model, training_batches(interactions, batch_size=16))
    for weight, expected in zip(*(values(model.weights) for model in models), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-5)


class LooksUpTwice(MF):
    """Looks items up twice, and has a weight that only the penalty knows.

    One lookup is through ids of an unknown number.
    """

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.alone = self.add_table("alone", (3,), "ones")

    def call(self, inputs):
        items, place = tf.unique(inputs["item_id"])
        return super().call(inputs) + tf.reduce_sum(
            tf.gather(tf.gather(self.item_table.value, items), place), axis=-1
        )


@pytest.mark.parametrize("penalty", ["squares", "norms"])
def test_gradients_of_every_kind_are_the_same_compiled_and_not(penalty, interactions):
    models = [
        DeCAModel(LooksUpTwice(USERS, ITEMS, embedding_dim=4, seed=1), l2=0.3, penalty=penalty)
        for _ in range(2)
    ]
    models[0].compile(keras.optimizers.SGD(0.1), jit_compile=False)
    models[1].compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    for model in models:
        fit(model, training_batches(interactions, batch_size=16))
    for weight, expected in zip(*(values(model.weights) for model in models), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-6)
    assert (values([models[0].target.alone])[0] < 1).all()


def compiled_calls(model, interactions):
    """Of a step of a model that is not compiled."""
    compiled(model, jit_compile=False).make_train_function()
    data = next(iter(training_batches(interactions, batch_size=16)))
    graph = tf.function(model.train_step).get_concrete_function(data).graph
    calls = [
        operation for operation in graph.get_operations() if "PartitionedCall" in operation.type
    ]
    return [call for call in calls if call.get_attr("_XlaMustCompile")]


def test_what_cannot_be_compiled_has_its_optimizer_compiled(interactions):
    assert (
        len(compiled_calls(build("deca"), interactions)) == 4
    )  # two phases, each with an optimizer of its own


def test_optimizer_is_compiled_once_whatever_shapes_are_unknown(interactions):
    (call,) = compiled_calls(
        DeCAModel(LooksUpTwice(USERS, ITEMS, embedding_dim=4, seed=1)), interactions
    )
    assert all(given.shape.is_fully_defined() for given in call.inputs)


def test_step_that_runs_eagerly_compiles_nothing(interactions, monkeypatch):
    """Each update would be compiled anew."""
    monkeypatch.setattr(tf, "function", None)
    fit(compiled(build(), run_eagerly=True), training_batches(interactions, batch_size=16))


class Softened(keras.Model):
    """Half the target's logit, and a weight of its own that no update moves."""

    def __init__(self, target):
        super().__init__()
        self.inner = target
        self.own = self.add_weight(name="own", shape=(2,), initializer="ones")

    def call(self, inputs, training=None):
        return 0.5 * self.inner(inputs, training=training)


class EndsInAnother(CrossEntropy):
    def recommender(self, target):
        return Softened(target)


def test_what_the_denoiser_recommends_with_is_called_evaluated_and_penalised(interactions):
    """With a learning rate of zero nothing moves.

    The penalty is on the two weights of the target and the other's.
    """
    model = DeCAModel(mf(1), EndsInAnother(), l2=0.5 * USERS)
    model.compile(optimizer=keras.optimizers.SGD(0.0), run_eagerly=True)
    batches = validation_batches(interactions, batch_size=40)
    logits = np.concatenate([np.array(model.target(inputs)) for inputs, _ in batches])
    label = np.concatenate([np.array(label) for _, label in batches])
    np.testing.assert_allclose(model.predict(batches, verbose=0), logits / 2, atol=1e-6)
    evaluated = np.mean(np.log1p(np.exp(logits / 2)) - label * logits / 2)
    assert model.evaluate(batches, verbose=0) == pytest.approx(evaluated, rel=1e-5)
    trained = np.log1p(np.exp(-logits[:, 0])).mean() + np.log1p(np.exp(logits[:, 1])).mean()
    squares = sum((np.array(weight) ** 2).sum() for weight in model.target.weights) + 2
    assert fit(model, batches)["loss"] == pytest.approx([trained + 0.5 / 2 * squares], rel=1e-5)


@pytest.mark.parametrize("backbone", ["cdae", "lightgcn", "neumf"])
@pytest.mark.parametrize("name", ["none", "deca", "deca-p", "ensemble"])
def test_every_backbone_trains_ranks_and_is_saved_with_every_kind_of_denoiser(
    backbone, name, interactions, tmp_path
):
    def built(seed):
        network = BACKBONES.build(
            backbone, num_users=USERS, num_items=ITEMS, options={"embedding_dim": 4}, seed=seed
        )
        network.adapt(interactions)
        return network

    roles = DENOISERS.load(name).networks
    networks = {
        role: built(seed)
        if role == "partner" or (role, name) == ("auxiliary", "deca-p")
        else mf(seed)
        for seed, role in enumerate(roles, 2)
    }
    in_the_graph = (
        {"jit_compile": False} if name == "none" else {}
    )  # with DeCA in tests/runs/test_run.py
    model = compiled(
        DeCAModel(built(1), DENOISERS.build(name, **networks), l2=0.01), **in_the_graph
    )
    before = values(model.target.trainable_variables)
    batches = training_batches_by_user(
        interactions, users_per_batch=6, updates_per_step=len(model.denoiser.phases)
    )
    losses = fit(model, batches, epochs=2)["loss"]
    assert np.isfinite(losses).all()
    assert not same(values(model.target.trainable_variables), before)
    users = keras.ops.arange(USERS)
    scores = np.array(model.recommender.score_all_items(users))
    assert scores.shape == (USERS, ITEMS)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        np.array(loaded.recommender.score_all_items(users)), scores, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(
    ("phase", "role"),
    [
        ("dp", "auxiliary"),
        ("dn", "auxiliary"),
        ("dp", "likelihood_if_negative"),
        ("dn", "likelihood_if_positive"),
    ],
)
def test_dropout_of_a_network_is_on_while_it_learns_and_off_when_it_is_frozen(phase, role):
    """The same pair 64 times: only dropout can make the losses differ."""
    inputs = {"user_id": np.zeros(64, np.int32), "item_id": np.zeros(64, np.int32)}
    networks = {
        "auxiliary": mf(1),
        "likelihood_if_negative": mf(2),
        "likelihood_if_positive": mf(3),
    }
    networks[role] = functional_target(dropout=0.5)

    def spread(**options):
        denoiser = DeCA(**networks, c1=1, c2=1, **options)
        loss = denoiser.compute_loss(phase, inputs, keras.ops.ones(64), keras.ops.zeros(64), 0)
        return np.ptp(np.array(loss))

    assert spread() > 1e-4
    if role == "auxiliary":
        assert spread(freeze_auxiliary=True) < 1e-6


# Fitting


def test_fit_with_validation_early_stopping_and_checkpoints(interactions, tmp_path):
    model = compiled(build("none"), jit_compile=False)
    callbacks = [
        keras.callbacks.EarlyStopping(
            "val_loss", mode="max", patience=1, restore_best_weights=True
        ),
        keras.callbacks.ModelCheckpoint(tmp_path / "epoch{epoch}.keras", save_best_only=False),
    ]
    validation = validation_batches(interactions, batch_size=32)
    # Trained to lower the loss and asked for a higher one: it stops after two epochs, with the
    # weights of the first.
    history = fit(
        model,
        training_batches(interactions, batch_size=16),
        epochs=5,
        validation_data=validation,
        callbacks=callbacks,
    )
    assert set(history) == {"loss", "val_loss", "positive_prob", "negative_prob"}
    assert len(history["loss"]) == 2
    assert model.evaluate(validation, verbose=0) == pytest.approx(history["val_loss"][0], rel=1e-5)
    first = keras.models.load_model(tmp_path / "epoch1.keras")
    assert first.evaluate(validation, verbose=0) == pytest.approx(history["val_loss"][0], rel=1e-5)


@pytest.mark.parametrize("steps_per_execution", [3, 7])
def test_no_step_is_lost_when_an_epoch_does_not_divide_by_steps_per_execution(
    steps_per_execution, interactions
):
    plain = compiled(build("deca-limit"))
    fit(plain, training_batches(interactions, batch_size=16), epochs=2)
    model = compiled(
        build("deca-limit"), steps_per_execution=steps_per_execution, jit_compile=False
    )
    fit(model, training_batches(interactions, batch_size=16), epochs=2)
    assert int(model.optimizer.iterations) == 2 * 5 * 2  # epochs x steps x phases
    for weight, expected in zip(model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(np.array(weight), np.array(expected), rtol=0, atol=1e-6)


def test_one_iterator_serves_all_epochs_and_reads_none_in_vain(interactions, monkeypatch):
    begun, make = [], tf.data.Dataset.__iter__
    monkeypatch.setattr(
        tf.data.Dataset, "__iter__", lambda dataset: begun.append(dataset) or make(dataset)
    )
    whole, parts = compiled(build("deca-limit")), compiled(build("deca-limit"))
    ended = []
    told = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ended.append(int(whole.optimizer.iterations))
    )
    fit(
        whole,
        training_batches(interactions, batch_size=16),
        epochs=5,
        initial_epoch=1,
        callbacks=[told],
    )
    assert len(begun) == 1
    assert ended == [10, 20, 30, 40]  # steps x phases
    batches = training_batches(interactions, batch_size=16)
    fit(parts, batches, epochs=3)  # reads not one batch of the fourth epoch
    fit(parts, batches, epochs=1)
    assert same(values(parts.weights), values(whole.weights))


@pytest.mark.parametrize("steps_per_execution", [1, 5])
def test_training_that_was_stopped_early_goes_on_with_the_next_epoch(
    steps_per_execution, interactions
):
    def trained(*fits):
        model = compiled(
            build("deca-limit"), steps_per_execution=steps_per_execution, jit_compile=False
        )
        batches = training_batches(interactions, batch_size=16)
        for epochs, stopped_after in fits:
            stop = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, last=stopped_after: setattr(
                    model, "stop_training", epoch + 1 == last
                )
            )
            fit(model, batches, epochs=epochs, callbacks=[stop])
        return values(model.weights)

    assert same(trained((9, 2), (1, None)), trained((3, None)))


def test_fit_takes_arguments_by_position_as_keras_does(interactions):
    model, batches, ended = (
        compiled(build("deca-limit")),
        training_batches(interactions, batch_size=16),
        [],
    )
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ended.append(epoch))
    model.fit(batches, None, None, 2, 0, [told])  # y, batch_size, epochs, verbose, callbacks
    assert ended == [0, 1]
    with pytest.raises(TypeError, match="epoch"):
        model.fit(batches, epoch=2)


def test_compiled_by_xla_or_not_the_weights_are_the_same(interactions):
    models = [compiled(build(first_update="both"), jit_compile=jit) for jit in (False, True)]
    histories = [fit(model, training_batches(interactions, batch_size=16)) for model in models]
    for plain, jitted in zip(*(values(model.weights) for model in models), strict=True):
        np.testing.assert_allclose(jitted, plain, rtol=0, atol=1e-5)
    assert histories[0]["loss"] == pytest.approx(histories[1]["loss"], rel=1e-5)


def test_flat_batches_of_arrays_train_as_well():
    rng = np.random.default_rng(0)
    inputs = {"user_id": rng.integers(0, USERS, 64), "item_id": rng.integers(0, ITEMS, 64)}
    model = compiled(build())
    history = fit(
        model, inputs, y=rng.integers(0, 2, 64).astype("float32"), batch_size=16, epochs=3
    )
    assert history["loss"][-1] < history["loss"][0]
    assert int(model.optimizer.iterations) == 3 * 4 * 2


def functional_target(dropout=0.0, seed=0):
    """A model that knows nothing of this library: what a user may bring."""
    inputs = {name: keras.Input((), name=name, dtype="int32") for name in ("user_id", "item_id")}
    vectors = [
        keras.layers.Embedding(
            size, 4, embeddings_initializer=keras.initializers.RandomNormal(seed=seed + number)
        )(ids)
        for number, (size, ids) in enumerate(
            ((USERS, inputs["user_id"]), (ITEMS, inputs["item_id"])), 1
        )
    ]
    hidden = keras.layers.Dropout(dropout, seed=seed)(keras.layers.Concatenate()(vectors))
    hidden = keras.layers.Dense(
        8, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed)
    )(hidden)
    logits = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed))(
        hidden
    )
    return keras.Model(inputs, keras.layers.Reshape(())(logits))


def test_any_functional_keras_model_can_be_the_target(interactions, tmp_path):
    model = compiled(build(target=functional_target(dropout=0.1)), jit_compile=False)
    history = fit(model, training_batches(interactions, batch_size=16, num_negatives=2), epochs=6)
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert same(values(loaded.weights), values(model.weights))
    batches = validation_batches(interactions)
    assert loaded.evaluate(batches, verbose=0) == pytest.approx(
        model.evaluate(batches, verbose=0), rel=1e-6
    )


def test_sparse_gradients_are_summed_before_the_optimizer_squares_them():
    """An id that comes up 16 times in a batch must not move further than another.

    One learning rate is Adam's first step.
    """
    model = compiled(build("none", l2=0.0))
    before = np.array(model.target.user_table)
    inputs = {"user_id": np.zeros(16, np.int32), "item_id": np.arange(16, dtype=np.int32) % 3}
    fit(model, inputs, y=np.tile([1.0, 0.0, 0.0, 0.0], 4).astype(np.float32), batch_size=16)
    moved = np.abs(np.array(model.target.user_table) - before)
    np.testing.assert_allclose(moved[0], 0.01, rtol=5e-3)
    assert not moved[1:].any()


# Refusals


@pytest.mark.parametrize("size", ["num_users", "num_items"])
def test_networks_over_other_id_spaces_are_refused(size):
    sizes = {"num_users": USERS, "num_items": ITEMS}
    odd = MF(**{**sizes, size: sizes[size] + 1})
    expected = f"`likelihood_if_negative` must have the target's `{size}`, {sizes[size]}.*{sizes[size] + 1}"
    with pytest.raises(ValueError, match=expected):
        DeCAModel(mf(1), DeCA(mf(2), odd, mf(3)))


def test_target_that_is_no_model_is_refused():
    with pytest.raises(TypeError, match="`target` must be a keras.Model.*'gmf' of type str"):
        DeCAModel("gmf")


def test_l2_is_the_papers_lambda_divided_by_the_users_under_squares_and_by_nothing_under_norms():
    assert DeCAModel(mf(1), l2=0.6).penalty_weight == 0.6 / USERS
    assert DeCAModel(mf(1), l2=0.6, penalty="norms").penalty_weight == 0.6
    target = functional_target()
    assert DeCAModel(target, l2=0.6, penalty="norms").penalty_weight == 0.6
    assert DeCAModel(target, l2=0.6, num_users=4).penalty_weight == 0.15


def test_users_that_lambda_is_divided_by_must_be_known_and_be_the_targets():
    with pytest.raises(ValueError, match="`num_users` must be given.*l2=0.6, num_users=None"):
        DeCAModel(functional_target(), l2=0.6)
    with pytest.raises(ValueError, match="must be the target's, 12. Received: num_users=13"):
        DeCAModel(mf(1), num_users=13)


@pytest.mark.parametrize("l2", [-0.1, float("nan"), float("inf"), "0.1"])
def test_l2_that_is_no_weight_is_refused(l2):
    with pytest.raises(ValueError, match="`l2` must be a finite number of at least 0"):
        DeCAModel(mf(1), l2=l2)


def test_batch_that_does_not_divide_by_the_phases_is_refused(interactions):
    model = compiled(build())
    with pytest.raises(
        ValueError, match=r"must divide by the number of phases \('dp', 'dn'\). Received: 15 groups"
    ):
        model.fit(training_batches(interactions, batch_size=15), verbose=0, shuffle=False)
