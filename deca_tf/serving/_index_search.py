"""Search by an index of a dot product."""

import numpy as np
import tensorflow as tf

from deca_tf.serving._tracing import Untracked


class IndexSearch(tf.Module):
    """Exact search where a score is a dot product.

    A user's vector has one column more than the model's: 1 for a user answered by popularity, which
    is the items' last column, and 0 for all others. So one index and one graph serve both; a
    product with 0 adds an exact 0. Where there is a prior, one more stands before it: the items'
    prior, and 1 for all users whom the model answers.

    Args:
        index: as `retrieval_index` makes it, over the items' vectors and extras.
        table: `FullTable` or `CompactTable` of the same items.
        vectors: float32 `(num_users + 1, dim)`, the users'.
        known: bool `(num_users + 1,)`, whether the model answers a user, not popularity.
        has_prior: whether the extras are prior and popularity, or popularity alone.
        fold_in: from a history, int32 `(batch, n)` padded with `num_items`, to the vector `(batch,
            dim)` of a user who would have it, see `fold_in`; None: it cannot be had.
    """

    def __init__(self, index, table, vectors, known, *, has_prior=False, fold_in=None):
        super().__init__(name="index_search")
        vectors = np.where(known[:, None], vectors, 0.0)
        flags = [known, ~known] if has_prior else [~known]
        queries = np.column_stack([vectors, *flags]).astype(np.float32)
        self.queries = tf.Variable(queries, trainable=False)
        self.has_prior = has_prior
        self.table = table
        self.fold_in = fold_in
        # The index is a Keras 2 layer. Only its weights are tracked: else it would be saved as a
        # Keras object.
        self.weights = index.weights
        self._index = Untracked(index)

    @property
    def knows_histories(self):
        """Whether it can answer for a user who is no row of the model."""
        return self.fold_in is not None

    def best(self, rows, k):
        """The best items of some users.

        Args:
            rows: int32 `(batch,)`, from 0 to `num_users`, which stands for an unknown user.
            k: how many items, an int32 scalar of at most `num_items`.

        Returns:
            `(scores, item_ids)`, float32 and int32, each `(batch, k)`: best first, equal scores by
            ascending item id.
        """
        return self._index.value(tf.gather(self.queries, rows), k=k)

    def best_of_history(self, item_ids, k):
        """The best items of users who took some items.

        Args:
            item_ids: int32 `(batch, n)`, padded with `num_items`; without any item, popularity
                answers.
            k: how many items.

        Returns:
            As `best`.
        """
        is_stranger = ~tf.reduce_any(item_ids < self.table.num_items, axis=1, keepdims=True)
        vectors = tf.where(is_stranger, 0.0, self.fold_in(item_ids))
        flags = [~is_stranger, is_stranger] if self.has_prior else [is_stranger]
        return self._index.value(
            tf.concat([vectors, *(tf.cast(flag, tf.float32) for flag in flags)], axis=1), k=k
        )

    def logits(self, rows, item_ids):
        """The model's logits of pairs, two int32 tensors `(batch,)`, without the prior."""
        vectors = tf.gather(self.queries, rows)[:, : self.table.dim]
        return tf.reduce_sum(vectors * self.table.vectors(item_ids), axis=1)
