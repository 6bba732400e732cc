"""Rows of a sparse matrix in variables, read a few at a time in the graph."""

import numpy as np
import tensorflow as tf


class RaggedRows(tf.Module):
    """A CSR matrix in three variables, whose number of entries may grow when it is refreshed.

    Args:
        matrix: SciPy CSR `(num_rows, num_columns)`.
        name: of the module.
        values: whether its values are kept; else each is 1.
    """

    def __init__(self, matrix, name, values=True):
        super().__init__(name=name)
        self.columns = _growing(matrix.indices.astype(np.int32))
        self.splits = _table(matrix.indptr.astype(np.int64))
        self.values = _growing(matrix.data.astype(np.float32)) if values else None

    @property
    def num_bytes(self):
        """Of all variables."""
        kept = (self.columns, self.splits, self.values)
        return sum(each.numpy().nbytes for each in kept if each is not None)

    def entries(self, rows):
        """The entries of some rows.

        Args:
            rows: int32 `(n,)`.

        Returns:
            `(owner, columns, values)`, flat, in the order of the rows: int32 places in `rows`,
            int32 and float32.
        """
        first = tf.gather(self.splits, rows)
        length = tf.gather(self.splits, rows + 1) - first
        owner = tf.repeat(tf.range(tf.size(rows)), length)
        began = tf.cumsum(length, exclusive=True)
        place = tf.range(tf.reduce_sum(length)) + tf.gather(first - began, owner)
        columns = tf.gather(self.columns, place)
        if self.values is None:
            return owner, columns, tf.ones_like(columns, tf.float32)
        return owner, columns, tf.gather(self.values, place)


def _table(value):
    return tf.Variable(value, trainable=False)


def _growing(value):
    return tf.Variable(value, trainable=False, shape=[None])
