"""The item vectors of a served model, in as few bytes as asked for."""

import numpy as np
import tensorflow as tf

INT8_MAX = 127


class FullTable(tf.Module):
    """Item vectors as floats, and beside them what is added to every score.

    Args:
        across: variable, float32 `(dim + extras, num_items)`, that an index holds.
        dim: how many of its rows are the vectors'.
    """

    def __init__(self, across, dim):
        super().__init__(name="item_table")
        self.across = across
        self.num_items, self.dim = across.shape[1], dim

    def vectors(self, item_ids):
        """Vectors of items without extras, int32 `(...)` to float32 `(..., dim)`."""
        columns = tf.gather(self.across, tf.reshape(item_ids, [-1]), axis=1)
        return tf.reshape(
            tf.transpose(columns[: self.dim]), tf.concat([tf.shape(item_ids), [self.dim]], axis=0)
        )


class CompactTable(tf.Module):
    """Item vectors in two bytes a number or one, and extras beside them, which stay exact.

    As int8, each vector has a scale of its own, so that what is lost of it does not depend on its
    length: at most one part in 254 of its largest number.

    Args:
        vectors: float32 `(num_items, dim)`; row i is the vector of item id i.
        extras: `(num_items, m)`, or `(num_items,)` for one: what is added to scores beside the
            products.
        dtype: 'float32', 'float16' or 'int8'.
    """

    def __init__(self, vectors, extras, dtype):
        super().__init__(name="item_table")
        self.num_items, self.dim = vectors.shape
        self.extras = _table(np.asarray(extras, np.float32).reshape(self.num_items, -1))
        self.scale = None
        if dtype == "int8":
            scale = np.abs(vectors).max(axis=1, keepdims=True) / INT8_MAX
            scale[scale == 0] = 1.0
            self.scale = _table(scale)
            vectors = np.rint(vectors / scale)
        self.values = _table(vectors.astype(dtype))

    def vectors(self, item_ids):
        """Vectors of items without extras, int32 `(...)` to float32 `(..., dim)`."""
        values = tf.cast(tf.gather(self.values, item_ids), tf.float32)
        return values if self.scale is None else values * tf.gather(self.scale, item_ids)

    def part(self, start, stop):
        """Items `start` to `stop`, extras as the last columns.

        Float32 `(stop - start, dim + m)`.
        """
        values = tf.cast(self.values[start:stop], tf.float32)
        if self.scale is not None:
            values *= self.scale[start:stop]
        return tf.concat([values, self.extras[start:stop]], axis=1)


def _table(values):
    return tf.Variable(values, trainable=False)
