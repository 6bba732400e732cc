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
    lengths = tf.cast(lengths, tf.int32)
    ends, size = tf.cumsum(lengths), tf.reduce_sum(lengths)
    starts_at = tf.math.bincount(
        ends[:-1], minlength=size, maxlength=size
    )  # rows but the first, by position
    return tf.cumsum(starts_at)


def values_of_rows(firsts, lengths):
    """Where the values of some rows lie, of rows that are stored one after the other.

    Args:
        firsts: where each row's first value lies, integer tensor `(n,)`.
        lengths: integer tensor of the same type `(n,)`, at least 0.

    Returns:
        `(rows, positions)`, both `(sum of lengths,)`: of each value, its row among the n, and where
        it lies.

    Example:
        >>> values_of_rows(tf.constant([7, 3]), tf.constant([1, 2]))[1]
        <tf.Tensor: shape=(3,), dtype=int32, numpy=array([7, 3, 4], dtype=int32)>
    """
    rows = rows_of_lengths(lengths)
    shift = firsts - tf.cumsum(lengths, exclusive=True)
    return rows, tf.gather(shift, rows) + tf.range(tf.size(rows, out_type=shift.dtype))
