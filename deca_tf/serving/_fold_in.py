"""From a history to the vector of a user that the model has never met."""

import numpy as np
import tensorflow as tf

from deca_tf.serving._tracing import Untracked, trace

# In units of each feature's mean square: keeps the solution finite where features say the same
RIDGE = 1e-3


class LinearFoldIn(tf.Module):
    """The linear map that best turns the items of known users' histories into those users' vectors.

    Formula: `p = A^T [s / n ; s / sqrt(n) ; 1]`, where s is the sum of the vectors of a history's n
    items, and A the least-squares solution over all users with a history. It asks nothing of how
    the vectors were trained.

    Args:
        table: `FullTable` or `CompactTable` of the items.
        histories: SciPy CSR `(num_users, num_items)`, the pairs of training.
        queries: float32 `(num_users, dim)`, the users' vectors.
    """

    def __init__(self, table, histories, queries):
        super().__init__(name="fold_in")
        self.table = table
        self.weight = tf.Variable(
            _least_squares(table, histories, queries), dtype=tf.float32, trainable=False
        )

    def __call__(self, item_ids):
        """Vectors of users, `(batch, dim)`, from histories `(batch, n)`.

        A history has each item once, padded with `num_items`.
        """
        is_item = item_ids < self.table.num_items
        vectors = tf.where(
            is_item[..., None], self.table.vectors(tf.where(is_item, item_ids, 0)), 0.0
        )
        count = tf.reduce_sum(tf.cast(is_item, tf.float32), axis=1, keepdims=True)
        return tf.matmul(
            _features(tf.reduce_sum(vectors, axis=1), tf.maximum(count, 1.0), tf), self.weight
        )


class TracedFoldIn(tf.Module):
    """The model's own encoding of a history.

    Args:
        target: backbone with `history_embedding`.
    """

    def __init__(self, target):
        super().__init__(name="fold_in")
        specs = [tf.TensorSpec([None, None], tf.int32)]
        traced = trace(target.history_embedding, specs, "`target.history_embedding`", target)
        self.weights = traced.variables
        self._traced = Untracked(traced)

    def __call__(self, item_ids):
        """As `LinearFoldIn`."""
        return self._traced.value(item_ids)


def _features(sums, count, numbers):
    """`numbers` is NumPy or TensorFlow."""
    return numbers.concat(
        [sums / count, sums / numbers.sqrt(count), numbers.ones_like(count)], axis=1
    )


def _least_squares(table, histories, queries):
    count = np.diff(histories.indptr)
    vectors = table.vectors(np.arange(table.num_items, dtype=np.int32)).numpy()
    features = _features(histories @ vectors, np.maximum(count, 1)[:, None].astype(np.float64), np)[
        count > 0
    ]
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] *= 1.0 + RIDGE
    return np.linalg.lstsq(gram, features.T @ queries[count > 0].astype(np.float64), rcond=None)[0]
