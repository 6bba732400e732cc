"""`DeCAModel` under `MirroredStrategy` over two logical CPUs: the same numbers as on one device."""

import dataclasses

import keras
import numpy as np
import pytest

from deca_tf.backbones import BACKBONES, GMF, MF
from deca_tf.data import Interactions, training_batches, validation_batches
from deca_tf.denoisers import DENOISERS
from deca_tf.distribution import make_strategy
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, PAIRS, BATCH, EPOCHS = 12, 15, 72, 16, 2
STEPS = 4  # 72 / 16 = 4.5, rounded


@pytest.fixture(scope="module")
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, PAIRS, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


@pytest.fixture(scope="module")
def strategy(two_cpus):
    assert len(two_cpus) == 2
    return make_strategy("mirrored")


def build(name, **options):
    """Adam's epsilon is large.

    So the last bits of a gradient near zero do not decide its sign.
    """
    networks = {
        role: MF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.3, seed=seed)
        for seed, role in enumerate(DENOISERS.load(name).networks, 2)
    }
    target = GMF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.3, seed=1)
    model = DeCAModel(target, DENOISERS.build(name, **networks), l2=0.01 * USERS)
    model.compile(optimizer=keras.optimizers.Adam(0.01, epsilon=1e-3), jit_compile=False, **options)
    return model


def fit(model, interactions, **options):
    batches = training_batches(interactions, batch_size=BATCH)
    return model.fit(batches, epochs=EPOCHS, verbose=0, shuffle=False, **options).history


@pytest.mark.parametrize("name", ["none", "deca"])
def test_two_devices_train_like_one(name, interactions, strategy):
    one = build(name)
    validation = validation_batches(
        interactions, batch_size=20
    )  # the last batch has 12: 6 on each device
    expected = fit(one, interactions, validation_data=validation)
    with strategy.scope():
        two = build(name)
    received = fit(two, interactions, validation_data=validation)
    assert int(two.optimizer.iterations.numpy()) == EPOCHS * STEPS * len(two.denoiser.phases)
    for weight, single in zip(two.weights, one.weights, strict=True):
        np.testing.assert_allclose(
            np.array(weight), np.array(single), rtol=0, atol=2e-6, err_msg=single.path
        )
    assert set(received) == set(expected)
    for key in expected:
        assert received[key] == pytest.approx(expected[key], rel=1e-5), key


def test_two_devices_train_on_weights_like_one(interactions, strategy):
    weight = np.random.default_rng(1).random(PAIRS) * 2
    weighted = dataclasses.replace(interactions, weight=weight)
    one, plain = build("deca"), build("deca")
    fit(one, weighted)
    fit(plain, interactions)
    with strategy.scope():
        two = build("deca")
    two.fit(weighted, batch_size=BATCH // 2, seed=0, epochs=EPOCHS, verbose=0)
    assert not np.allclose(np.array(plain.weights[0]), np.array(one.weights[0]), atol=1e-4)
    for variable, single in zip(two.weights, one.weights, strict=True):
        np.testing.assert_allclose(
            np.array(variable), np.array(single), rtol=0, atol=2e-6, err_msg=single.path
        )


@pytest.mark.parametrize("backbone", ["cdae", "lightgcn", "neumf"])
def test_two_devices_train_the_other_backbones_like_one(backbone, interactions, strategy):
    options = {"embedding_dim": 4}

    def built():
        target = BACKBONES.build(backbone, num_users=USERS, num_items=ITEMS, options=options)
        target.adapt(interactions)
        model = DeCAModel(target, l2=0.01 * USERS)
        model.compile(optimizer=keras.optimizers.Adam(0.01, epsilon=1e-3), jit_compile=False)
        return model

    one = built()
    fit(one, interactions)
    with strategy.scope():
        two = built()
    fit(two, interactions)
    for weight, single in zip(
        two.target.trainable_variables, one.target.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(
            np.array(weight), np.array(single), rtol=0, atol=5e-6, err_msg=single.path
        )


def test_both_devices_hold_the_same_and_so_does_the_file(interactions, strategy, tmp_path):
    with strategy.scope():
        model = build("deca-limit")
    fit(model, interactions)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")  # outside of the strategy
    assert int(loaded.optimizer.iterations) == EPOCHS * STEPS * 2
    for weight, copy in zip(model.target.weights, loaded.target.weights, strict=True):
        first, second = strategy.experimental_local_results(weight.value)
        np.testing.assert_array_equal(first.numpy(), second.numpy())
        np.testing.assert_array_equal(first.numpy(), np.array(copy))


def test_batch_that_does_not_divide_by_phases_and_devices_is_refused(interactions, strategy):
    with strategy.scope():
        model = build("deca-limit")
    with pytest.raises(
        ValueError, match="must divide by the number of phases.*Received: 5 groups on a device"
    ):
        model.fit(training_batches(interactions, batch_size=10), verbose=0, shuffle=False)
