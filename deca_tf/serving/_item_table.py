"""The item vectors of a served model, in as few bytes as asked for."""

import numpy as np
import tensorflow as tf

INT8_MAX = 127


class FullTable(tf.Module):
    """Item vectors as floats, popularity their last number.

    Args:
        across: variable, float32 `(dim + 1, num_items)`, that an index holds.
    """

    def __init__(self, across):
        super().__init__(name="item_table")
        self.across = across
        self.num_items, self.dim = across.shape[1], across.shape[0] - 1

    def vectors(self, item_ids):
        """Vectors of items without popularity, int32 `(...)` to float32 `(..., dim)`."""
        columns = tf.gather(self.across, tf.reshape(item_ids, [-1]), axis=1)
        return tf.reshape(
            tf.transpose(columns[:-1]), tf.concat([tf.shape(item_ids), [self.dim]], axis=0)
        )


class CompactTable(tf.Module):
    """Item vectors in two bytes a number or one, and popularity beside them, which stays exact.

    As int8, each vector has a scale of its own, so that what is lost of it does not depend on its
    length: at most one part in 254 of its largest number.

    Args:
        vectors: float32 `(num_items, dim)`; row i is the vector of item id i.
        popularity: `(num_items,)`, the score of each item for users that the model does not know.
        dtype: 'float32', 'float16' or 'int8'.
    """

    def __init__(self, vectors, popularity, dtype):
        super().__init__(name="item_table")
        self.num_items, self.dim = vectors.shape
        self.popularity = _table(np.asarray(popularity, np.float32)[:, None])
        self.scale = None
        if dtype == "int8":
            scale = np.abs(vectors).max(axis=1, keepdims=True) / INT8_MAX
            scale[scale == 0] = 1.0
            self.scale = _table(scale)
            vectors = np.rint(vectors / scale)
        self.values = _table(vectors.astype(dtype))

    def vectors(self, item_ids):
        """Vectors of items without popularity, int32 `(...)` to float32 `(..., dim)`."""
        values = tf.cast(tf.gather(self.values, item_ids), tf.float32)
        return values if self.scale is None else values * tf.gather(self.scale, item_ids)

    def part(self, start, stop):
        """Items `start` to `stop`, popularity as the last column.

        Float32 `(stop - start, dim + 1)`.
        """
        values = tf.cast(self.values[start:stop], tf.float32)
        if self.scale is not None:
            values *= self.scale[start:stop]
        return tf.concat([values, self.popularity[start:stop]], axis=1)


def _table(values):
    return tf.Variable(values, trainable=False)
