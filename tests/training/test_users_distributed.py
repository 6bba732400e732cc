"""Whole users under `MirroredStrategy` over two logical CPUs: the same numbers as on one device."""

import keras
import numpy as np
import pytest

from deca_tf.backbones import CDAE, ELSA
from deca_tf.data import Interactions
from deca_tf.denoisers import NMSE, Multinomial
from deca_tf.distribution import make_strategy
from deca_tf.optimizers import LazyAdam
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS = 12, 15
WAYS = {
    "elsa": (ELSA, NMSE, keras.optimizers.Adam),
    "elsa by rows": (ELSA, NMSE, LazyAdam),
    "cdae": (CDAE, Multinomial, keras.optimizers.Adam),
}


@pytest.fixture(scope="module")
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 72, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


@pytest.fixture(scope="module")
def strategy(two_cpus):
    assert len(two_cpus) == 2
    return make_strategy("mirrored")


def trained(way, pool_size, interactions):
    kind, denoiser, optimizer = WAYS[way]
    target = kind(USERS, ITEMS, embedding_dim=4, corruption=0.0, seed=1)
    model = DeCAModel(target, denoiser(pool_size=pool_size))
    model.compile(optimizer(0.01, epsilon=1e-3), jit_compile=False)
    return (
        model,
        lambda: (
            model.fit(
                interactions,
                epochs=2,
                users_per_batch=6,
                verbose=0,
                validation_data=interactions,
                validation_batch_size=20,  # the last batch has 12: 6 on each device
            ).history
        ),
    )


@pytest.mark.parametrize("pool_size", [None, 5])
@pytest.mark.parametrize("way", WAYS)
def test_two_devices_train_like_one(way, pool_size, interactions, strategy):
    one, fit = trained(way, pool_size, interactions)
    expected = fit()
    with strategy.scope():
        two, fit = trained(way, pool_size, interactions)
    received = fit()
    assert int(two.optimizer.iterations.numpy()) == 4
    for weight, single in zip(two.weights, one.weights, strict=True):
        np.testing.assert_allclose(
            np.array(weight), np.array(single), rtol=0, atol=1e-5, err_msg=single.path
        )
    for key in expected:
        assert received[key] == pytest.approx(expected[key], rel=1e-4), key
