"""Rows of different lengths, laid out one after the other."""

import tensorflow as tf


def rows_of_lengths(lengths):
    """Which row each value belongs to, `(sum of lengths,)`: row i, `lengths[i]` times.

    As `tf.repeat(tf.range(n), lengths)`, which however makes a mask of n times the longest row.

    Args:
        lengths: integer tensor `(n,)`, at least 0.

    Example:
        >>> rows_of_lengths([2, 0, 1])
        <tf.Tensor: shape=(3,), dtype=int32, numpy=array([0, 0, 2], dtype=int32)>
    """
    ends = tf.cumsum(tf.cast(lengths, tf.int32))
    starts_at = tf.math.bincount(ends[:-1], minlength=ends[-1], maxlength=ends[-1])  # rows but the first, by position
    return tf.cumsum(starts_at)
