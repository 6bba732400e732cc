"""The penalty on weights, against a tape and by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.training._penalty import KINDS, penalty_of

WEIGHTS = [[3.0, 4.0], [[1.0, 2.0], [2.0, 0.0]]]  # norms 5 and 3


@pytest.mark.parametrize(
    ("kind", "value", "pulls"), [("squares", 17 / 4, [0.25, 0.25]), ("norms", 2, [0.05, 0.25 / 3])]
)
def test_penalties_worked_out_by_hand(kind, value, pulls):
    """A quarter of half of 25 + 9, and a quarter of 5 + 3."""
    received, received_pulls = penalty_of(
        [keras.Variable(weight) for weight in WEIGHTS], 0.25, kind
    )
    assert float(received) == pytest.approx(value, rel=1e-6)
    assert [float(pull) for pull in received_pulls] == pytest.approx(pulls, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_each_pull_times_its_weight_is_the_gradient(kind):
    weights = [keras.Variable(weight) for weight in (*WEIGHTS, [0.0, 0.0])]
    with tf.GradientTape() as tape:
        value, pulls = penalty_of(weights, 0.3, kind)
    for weight, pull, gradient in zip(weights, pulls, tape.gradient(value, weights), strict=True):
        np.testing.assert_allclose(float(pull) * weight.numpy(), gradient, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_weights_penalty_is_the_same_where_it_is_compiled(kind, monkeypatch):
    monkeypatch.setattr(
        "deca_tf.training._penalty.pays", lambda weight: weight.shape.num_elements() > 100
    )
    weights = [
        keras.Variable(np.random.default_rng(0).normal(size=(5000, 8)).astype("float32")),
        keras.Variable(WEIGHTS[0]),
    ]
    value, pulls = tf.function(
        lambda: penalty_of(weights, 0.3, kind, compiled=True), jit_compile=True
    )()
    expected, expected_pulls = penalty_of(weights, 0.3, kind)
    assert float(value) == pytest.approx(float(expected), rel=1e-6)
    assert [float(pull) for pull in pulls] == pytest.approx(
        [float(pull) for pull in expected_pulls], rel=1e-6
    )
