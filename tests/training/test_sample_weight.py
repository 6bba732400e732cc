"""Weights of examples.

Each multiplies its loss, whatever the denoiser, against updates made by hand with a tape.
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import GMF, MF
from deca_tf.data import Interactions, training_batches, validation_batches
from deca_tf.denoisers import DENOISERS
from deca_tf.optimizers import Adam, LazyAdam
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, GROUPS, NEGATIVES = 9, 11, 8, 2
every_denoiser = pytest.mark.parametrize(  # of whole users: in test_users.py
    "name", [name for name in DENOISERS.names if DENOISERS.load(name).layout != "users"]
)


def pairs(**columns):
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 40, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS), **columns)


def build(name):
    sizes = {"num_users": USERS, "num_items": ITEMS, "embedding_dim": 4, "embedding_stddev": 0.5}
    networks = {
        role: MF(seed=seed, **sizes) for seed, role in enumerate(DENOISERS.load(name).networks)
    }
    denoiser = DENOISERS.build(name, **networks)
    denoiser.adapt(pairs())
    if hasattr(denoiser, "reweight"):  # so that the method's own weights differ
        user, item = np.divmod(np.unique(pairs().pair_key), ITEMS)
        denoiser.reweight(user, item, np.random.default_rng(1).random(len(user)).astype("float32"))
    return DeCAModel(GMF(seed=9, **sizes), denoiser)


def batch():
    """Groups of a training pair and two negatives, and a weight for each example.

    Some are 0, some 2.
    """
    rng = np.random.default_rng(2)
    rows = pairs().take(slice(GROUPS))
    shape = (GROUPS, 1 + NEGATIVES)
    item = np.concatenate([rows.item_id[:, None], rng.integers(0, ITEMS, (GROUPS, NEGATIVES))], 1)
    inputs = {
        "user_id": np.broadcast_to(rows.user_id[:, None], shape).astype(np.int32),
        "item_id": item.astype(np.int32),
    }
    label = np.tile(np.float32([1, 0, 0]), (GROUPS, 1))
    return inputs, label, rng.choice(np.float32([0, 0.5, 1, 2]), shape)


def by_hand(model, inputs, label, weight, rate):
    """One step of plain descent; returns the mean loss of its updates."""
    phases, losses = model.denoiser.phases, []
    for update, phase in enumerate(phases):
        part = slice(update, None, len(phases))
        ids = {name: tf.reshape(values[part], (-1,)) for name, values in inputs.items()}
        y, w = label[part].reshape(-1), weight[part].reshape(-1)
        learning = [
            *model.target.trainable_variables,
            *(
                variable
                for network in model.denoiser.trainable_networks(phase)
                for variable in network.trainable_variables
            ),
        ]
        with tf.GradientTape() as tape:
            logits = model.target(ids, training=True)
            each = model.denoiser.compute_loss(
                phase, ids, tf.constant(y), logits, tf.constant(update)
            )
            positives = tf.boolean_mask(each, y == 1) * w[y == 1]
            negatives = tf.boolean_mask(each, y == 0) * w[y == 0]
            loss = tf.reduce_mean(positives) + tf.reduce_mean(negatives)
        for variable, gradient in zip(learning, tape.gradient(loss, learning), strict=True):
            if gradient is not None:
                variable.assign_sub(rate * tf.convert_to_tensor(gradient))
        losses.append(float(loss))
    return np.mean(losses)


def as_dataset(parts):
    return tf.data.Dataset.from_tensors(parts)


@pytest.mark.parametrize(
    "name", [name for name in DENOISERS.names if DENOISERS.load(name).layout == "pairs"]
)
def test_a_weight_multiplies_its_examples_loss_and_gradient(name):
    model, expected = build(name), build(name)
    loss = by_hand(expected, *batch(), rate=0.5)
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    history = model.fit(as_dataset(batch()), verbose=0).history
    assert history["loss"] == pytest.approx([loss], rel=1e-5)
    for weight, by_tape in zip(
        model.trainable_variables, expected.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(np.array(weight), np.array(by_tape), atol=1e-5)
    plain = build(name)
    plain.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    plain.fit(as_dataset(batch()[:2]), verbose=0)
    assert not np.allclose(np.array(plain.weights[0]), np.array(model.weights[0]), atol=1e-4)


@every_denoiser
def test_weights_of_one_change_nothing(name):
    plain, weighted = build(name), build(name)
    inputs, label, _ = batch()
    for model, parts in (
        (plain, (inputs, label)),
        (weighted, (inputs, label, np.ones_like(label))),
    ):
        model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
        model.fit(as_dataset(parts), verbose=0)
    for weight, expected in zip(weighted.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(np.array(weight), np.array(expected))


@pytest.mark.parametrize(
    ("name", "optimizer", "jit"),
    [
        ("deca", keras.optimizers.SGD, True),
        ("none", LazyAdam, True),
        ("deca", LazyAdam, False),
        ("t-ce", keras.optimizers.SGD, False),
    ],
)
def test_compiled_and_by_rows_it_is_the_same(name, optimizer, jit):
    model, expected = build(name), build(name)
    is_lazy = optimizer is LazyAdam
    loss = by_hand(expected, *batch(), rate=0.0 if is_lazy else 0.5)
    model.compile(optimizer(1e-9 if is_lazy else 0.5), jit_compile=jit)
    assert model.fit(as_dataset(batch()), verbose=0).history["loss"] == pytest.approx(
        [loss], rel=1e-5
    )
    for weight, by_tape in zip(
        model.trainable_variables, expected.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(np.array(weight), np.array(by_tape), atol=1e-4)


def test_rows_learn_from_weights_as_under_adam(monkeypatch):
    """Two updates on a batch that has every row."""
    monkeypatch.setattr(
        "deca_tf.training._updates.dense_if_small", lambda gradient, replicas: gradient
    )
    pair = np.repeat(np.arange(USERS * ITEMS, dtype=np.int32), 2)[:, None]
    rng = np.random.default_rng(0)
    label, weight = (np.float32(rng.integers(0, high, pair.shape)) for high in (2, 4))
    data = as_dataset(({"user_id": pair // ITEMS, "item_id": pair % ITEMS}, label, weight)).repeat(
        2
    )
    models = [build("deca"), build("deca")]
    for model, optimizer in zip(models, (LazyAdam, Adam), strict=True):
        model.compile(optimizer(0.01, epsilon=1e-3), jit_compile=False)
        model.fit(data, verbose=0)
    for one, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=5e-6)


def test_a_click_of_weight_two_counts_twice_worked_out_by_hand():
    """Zero vectors: every loss is log 2.

    So it is (2 + 0.5) / 2 * log 2 of the positives and log 2 of the negatives.
    """
    model = DeCAModel(MF(USERS, ITEMS, embedding_stddev=0.0))
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    table = dataclasses.replace(pairs().take([0, 1]), weight=[2.0, 0.5])
    history = model.fit(table, batch_size=2, verbose=0).history
    assert history["loss"] == pytest.approx([2.25 * np.log(2)], rel=1e-6)


def test_fit_and_evaluate_take_arrays_with_weights_as_keras_does():
    inputs, label, weight = batch()
    flat = {name: ids.reshape(-1) for name, ids in inputs.items()}
    y, w = label.reshape(-1), weight.reshape(-1)
    model, expected = build("none"), build("none")
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    loss = by_hand(expected, inputs, label, weight, rate=0.5)
    fitted = model.fit(flat, y, sample_weight=w, batch_size=len(y), shuffle=False, verbose=0)
    assert fitted.history["loss"] == pytest.approx([loss], rel=1e-5)
    for one, other in zip(model.trainable_variables, expected.trainable_variables, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=1e-5)
    logits = np.array(model(flat))
    cross_entropy = np.log1p(np.exp(logits)) - y * logits
    evaluated = model.evaluate(flat, y, sample_weight=w, batch_size=7, verbose=0)
    assert evaluated == pytest.approx((w * cross_entropy).mean(), rel=1e-5)


def test_one_weight_for_a_group_is_that_of_all_its_examples():
    inputs, label, weight = batch()
    wide = np.repeat(weight[:, :1], 1 + NEGATIVES, axis=1)
    trained = []
    for given in (weight[:, 0], wide):
        model = build("deca")
        model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
        model.fit(as_dataset((inputs, label, given)), verbose=0)
        trained.append([np.array(value) for value in model.weights])
    for one, other in zip(*trained, strict=True):
        np.testing.assert_array_equal(one, other)


def test_clicks_of_interactions_bring_their_weights_into_training_and_validation():
    weighted = pairs(weight=np.random.default_rng(3).random(40) * 2)
    models = [build("none"), build("none")]
    for model, data in zip(
        models, (weighted, training_batches(weighted, batch_size=16)), strict=True
    ):
        model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
        more = {"batch_size": 16, "seed": 0} if data is weighted else {}
        model.fit(data, verbose=0, **more)
    for one, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(other))
    total = count = 0
    for inputs, label, weight in validation_batches(weighted, seed=9):
        logits = np.array(models[0](inputs), np.float64)
        each = np.log1p(np.exp(logits)) - label * logits
        total, count = total + (weight * each).numpy().sum(), count + label.shape[0] * 2
    assert models[0].evaluate(weighted, verbose=0) == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (
            [1, 1, -2.0, 1],
            "finite numbers of at least 0. Received: 1 .* first is -2.0 at position 2",
        ),
        ([np.nan, 1, np.inf, 1], "Received: 2 that are not, the first is nan at position 0"),
    ],
)
def test_weights_that_are_none_are_refused_before_work(weight, message):
    inputs = {name: np.zeros(4, np.int32) for name in ("user_id", "item_id")}
    label, weight = np.float32([1, 0, 1, 0]), np.array(weight)
    model = build("none")
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    for call in (
        lambda: model.fit(inputs, label, sample_weight=weight, verbose=0),
        lambda: model.fit(inputs, label, validation_data=(inputs, label, weight), verbose=0),
        lambda: model.evaluate(inputs, label, sample_weight=weight, verbose=0),
    ):
        with pytest.raises(ValueError, match=f"`sample_weight` must hold .*{message}"):
            call()
