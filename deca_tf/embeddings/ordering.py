"""Order within what XLA compiles: it keeps none but that of values that need each other."""

import tensorflow as tf


def zero_after(value, dtype="int32"):
    """A zero that XLA does not know to be one before it has the value.

    What adds it to its own is ordered after the value, and differs from what adds another value's.
    So XLA need not copy a table for those who may read it after it has been replaced, nor share one
    table of zeros by copying it.

    Args:
        value: float tensor `()`.
        dtype: of the zero.

    Returns:
        Tensor `()`.
    """
    return tf.cast(tf.math.is_nan(value) & tf.math.is_finite(value), dtype)
