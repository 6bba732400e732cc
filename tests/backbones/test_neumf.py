"""NeuMF against loops in float64."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import NeuMF

USERS, ITEMS, DIM = 6, 4, 3


@pytest.fixture(scope="module")
def model():
    model = NeuMF(USERS, ITEMS, embedding_dim=DIM, embedding_stddev=1.0)
    rng = np.random.default_rng(0)
    for bias in (*model.biases, model.output_bias):
        bias.assign(rng.normal(size=bias.shape))
    return model


def by_hand(model, user, item):
    """He et al. 2017, Eq. (8) to (12), with the released code's sizes."""
    row_u, row_i = (
        np.array(table, np.float64) for table in (model.user_table[user], model.item_table[item])
    )
    hidden = np.concatenate([row_u[DIM:], row_i[DIM:]])
    for kernel, bias in zip(model.kernels, model.biases, strict=True):
        hidden = np.maximum(hidden @ np.array(kernel, np.float64) + np.array(bias), 0.0)
    last = np.concatenate([row_u[:DIM] * row_i[:DIM], hidden])
    return last @ np.array(model.output_weight, np.float64)[:, 0] + float(model.output_bias[0])


@pytest.mark.parametrize(
    "num_pairs", [3, 5, 40]
)  # fewer than items, between, more than users: looked up or projected
def test_logits_equal_loops(model, num_pairs):
    rng = np.random.default_rng(num_pairs)
    users, items = (
        rng.integers(0, USERS, num_pairs, np.int32),
        rng.integers(0, ITEMS, num_pairs, np.int32),
    )
    expected = [by_hand(model, user, item) for user, item in zip(users, items, strict=True)]
    received = np.array(model({"user_id": users, "item_id": items}))
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)


def test_gradients_are_the_same_looked_up_or_projected(model):
    """A batch of unknown length is always looked up, one of 40 is projected.

    Ids come up several times.
    """
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, USERS, 40, np.int32), rng.integers(0, ITEMS, 40, np.int32)
    upstream = rng.normal(size=40).astype(np.float32)

    def gradients(users, items):
        with tf.GradientTape() as tape:
            logits = model({"user_id": users, "item_id": items})
        found = tape.gradient(logits, model.trainable_variables, upstream)
        return [tf.convert_to_tensor(gradient) for gradient in found]

    ids = tf.TensorSpec([None], tf.int32)
    looked_up = tf.function(gradients, input_signature=[ids, ids])(users, items)
    for one, other in zip(
        gradients(tf.constant(users), tf.constant(items)), looked_up, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert np.any(one)


def test_layers_have_the_sizes_of_the_paper():
    model = NeuMF(2, 2)
    assert model.user_table.shape == (2, 32 + 128)
    assert [kernel.shape for kernel in model.kernels] == [(256, 128), (128, 64), (64, 32)]
    assert model.output_weight.shape == (64, 1)


def test_initial_weights_are_those_of_the_released_code():
    model = NeuMF(400, 300)
    assert np.std(model.user_table) == pytest.approx(0.01, rel=0.02)
    for kernel in model.kernels:  # Glorot: uniform in +-sqrt(6 / (inputs + outputs))
        bound = np.sqrt(6 / sum(kernel.shape))
        assert np.abs(kernel).max() == pytest.approx(bound, rel=0.02)
        assert np.std(kernel) == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert np.abs(model.output_weight).max() == pytest.approx(np.sqrt(3 / 64), rel=0.1)
    assert not any(np.any(bias) for bias in (*model.biases, model.output_bias))
