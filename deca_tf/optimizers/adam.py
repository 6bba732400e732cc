"""Adam as it was published."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from deca_tf.embeddings.blocks import pays, update_in_blocks


@keras.saving.register_keras_serializable(package="deca_tf")
class Adam(keras.optimizers.Adam):
    """Adam with epsilon where its authors and PyTorch have it: beside the corrected root.

    Source: Kingma and Ba, "Adam", ICLR 2015, Algorithm 1: `w -= lr * m' / (sqrt(v') + epsilon)`,
    with `m' = m / (1 - beta_1^t)` and `v' = v / (1 - beta_2^t)`.

    Keras adds epsilon to the root of v itself. In the first updates that root is thirty times
    smaller, so its epsilon weighs thirty times more. It matters where gradients are small: the
    auxiliary model g of DeCA, whose gradient begins at the disagreement of two models that know
    nothing, moved a quarter as far in its first 60 updates.

    Args:
        learning_rate: a number or a schedule.
        epsilon: added to the root of the second moment, above 0.
        **kwargs: as `keras.optimizers.Adam`, without `amsgrad`.

    Example:
        >>> model.compile(deca_tf.optimizers.Adam(1e-3), jit_compile=True)
        >>> model.optimizer.epsilon
        1e-08

    Stability: stable.
    """

    def __init__(self, learning_rate: Any = 1e-3, *, epsilon: float = 1e-8, **kwargs: Any) -> None:
        if kwargs.pop("amsgrad", False):
            raise ValueError(
                "`amsgrad` must be False. Received: True. Use `keras.optimizers.Adam`, which has "
                "it."
            )
        super().__init__(learning_rate, epsilon=epsilon, **kwargs)

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        dtype = variable.dtype
        gradient = ops.cast(gradient, dtype)
        step = ops.cast(self.iterations + 1, dtype)
        root_left = ops.sqrt(1.0 - ops.power(ops.cast(self.beta_2, dtype), step))
        rate = (
            ops.cast(learning_rate, dtype)
            * root_left
            / (1.0 - ops.power(ops.cast(self.beta_1, dtype), step))
        )
        epsilon = self.epsilon * root_left
        index = self._get_variable_index(variable)
        tables = [self._momentums[index], self._velocities[index], variable]
        steps = [
            lambda g, m, v, w: m + (g - m) * (1.0 - self.beta_1),
            lambda g, m, v, w: v + (ops.square(g) - v) * (1.0 - self.beta_2),
            lambda g, m, v, w: w - rate * m / (ops.sqrt(v) + epsilon),
        ]

        def update(gradient):
            updated = update_in_blocks(
                steps, gradient, [tf.convert_to_tensor(table) for table in tables]
            )
            for table, value in zip(tables, updated, strict=True):
                self.assign(table, value)

        if pays(variable):
            tf.function(update, jit_compile=True, autograph=False)(gradient)
        else:
            for table, step in zip(tables, steps, strict=True):
                self.assign(table, step(gradient, *tables))
