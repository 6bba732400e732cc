"""Sums of rows that belong together: what the gradient of a lookup comes to."""

import tensorflow as tf

from deca_tf.embeddings.ordering import zero_after


def sum_rows(values, ids, num_rows, base=None):
    """As `tf.math.unsorted_segment_sum`, by XLA where it can be.

    Into a new table of 1,000 to 40,000 rows of 32, XLA adds a row in a quarter of TensorFlow's
    time. Reading rows, and writing them into a table that is there, are slower by it.

    Args:
        values: `(*shape, ...)`.
        ids: which sum each row of `values` belongs to, integer tensor of that shape; a negative one
            belongs to none.
        num_rows: sums, an integer or a scalar tensor.
        base: what is added to the sums, or None.

    Returns:
        A tensor `(num_rows, ...)`.
    """
    is_known = isinstance(num_rows, int) and None not in values.shape
    if not is_known or tf.executing_eagerly() or tf.distribute.has_strategy():
        sums = tf.math.unsorted_segment_sum(values, ids, num_rows)
        return sums if base is None else sums + base

    def add(values, ids):
        shape = (num_rows, *values.shape[ids.shape.rank :])
        zero = zero_after(tf.reshape(values, (-1,))[0], values.dtype)
        return tf.tensor_scatter_nd_add(
            tf.fill(shape, zero) if base is None else base, ids[..., None], values
        )

    return tf.function(add, jit_compile=True, autograph=False)(values, ids)


@tf.custom_gradient
def gather_summed(rows, ids):
    """As `tf.gather`, but its gradient is summed by `sum_rows`.

    Args:
        rows: `(k, ...)`.
        ids: integer tensor of any shape. Where k is unknown while tracing, every row comes up in
            it.
    """

    def gradient(upstream):
        if rows.shape[0] is not None:
            return sum_rows(upstream, ids, rows.shape[0]), None
        num_rows = tf.shape(rows)[0]
        most = ids.shape.num_elements()  # rows that all come up are no more than ids
        return sum_rows(upstream, ids, num_rows if most is None else most)[:num_rows], None

    return tf.gather(rows, ids), gradient


def gather_bounded(rows, ids, most):
    """As `tf.gather`, but the gradient's number of rows is known while tracing.

    The gradient is a `tf.IndexedSlices`.

    Args:
        rows: `(k, ...)`.
        ids: integer tensor `(n,)`, n from 1 to `most`.
        most: as many ids as there may be, an integer, or None if nobody knows.
    """

    @tf.custom_gradient
    def take(rows, ids):
        def gradient(upstream):
            rest = most - tf.shape(ids)[0]  # zeros, for one of the ids
            values = tf.concat(
                [upstream, tf.zeros((rest, *upstream.shape[1:]), upstream.dtype)], axis=0
            )
            places = tf.concat([ids, tf.fill((rest,), ids[0])], axis=0)
            values, places = (
                tf.ensure_shape(values, (most, *upstream.shape[1:])),
                tf.ensure_shape(places, (most,)),
            )
            return tf.IndexedSlices(values, places, tf.shape(rows)), None

        return tf.gather(rows, ids), gradient

    return tf.gather(rows, ids) if most is None else take(rows, ids)
