"""Adam against the algorithm as it was published."""

import keras
import numpy as np
import pytest

from deca_tf.optimizers import Adam


def published(weight, gradients, rate, epsilon):
    """Kingma and Ba, 2015, Algorithm 1, in float64."""
    first = second = np.zeros_like(weight)
    for update, gradient in enumerate(gradients, 1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weight = weight - rate * (first / (1 - 0.9**update)) / (
            np.sqrt(second / (1 - 0.999**update)) + epsilon
        )
    return weight


def gradients_of(scale, updates=20):
    return np.random.default_rng(0).normal(scale=scale, size=(updates, 5)) + scale


def moved(optimizer, gradients):
    variable = keras.Variable(np.zeros(5, np.float32))
    for gradient in gradients:
        optimizer.apply([gradient.astype(np.float32)], [variable])
    return variable.numpy()


@pytest.mark.parametrize("scale", [1.0, 1e-7, 1e-9], ids=["large", "near epsilon", "below epsilon"])
def test_it_is_the_published_algorithm(scale):
    gradients = gradients_of(scale)
    expected = published(np.zeros(5), gradients, rate=0.01, epsilon=1e-8)
    np.testing.assert_allclose(moved(Adam(0.01), gradients), expected, rtol=1e-4)


def test_small_gradients_move_it_further_than_keras_does():
    gradients = gradients_of(1e-7)
    keras_moved = moved(keras.optimizers.Adam(0.01, epsilon=1e-8), gradients)
    assert (np.abs(moved(Adam(0.01), gradients)) > 1.3 * np.abs(keras_moved)).all()


def test_a_schedule_and_a_copy_by_its_settings():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.5)
    optimizer = Adam(schedule, beta_1=0.8, epsilon=1e-6)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is Adam
    gradients = gradients_of(1.0)
    np.testing.assert_array_equal(moved(again, gradients), moved(optimizer, gradients))
    assert again.epsilon == 1e-6


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match="`amsgrad` must be False"):
        Adam(amsgrad=True)
