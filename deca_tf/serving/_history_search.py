"""Search by weights from items to items: a score is what the items of a history add to it."""

import functools

import numpy as np
import scipy.sparse
import tensorflow as tf

from deca_tf.serving._ragged_rows import RaggedRows
from deca_tf.serving._score_all_search import in_parts, variable_or_none


class HistorySearch(tf.Module):
    """Exact search where a score is a sum over the user's history, of item-knn and EASE.

    Formula: `score(u, j) = bonus_j + sum over i in u's history of x_ui * weight_ij`. A user whom
    the model does not know is answered by popularity, or from the history that a request brings.

    Args:
        weights: SciPy CSR `(num_items, num_items)`; row i is what item i adds to every item.
        histories: SciPy CSR `(num_users, num_items)`, x.
        bonus: float32 `(num_items,)`.
        known: bool `(num_users + 1,)`, whether a user is answered by the model.
        popularity: `(num_items,)`, the score of each item for all others.
        prior: float32 `(num_items,)`, added to every score of the model; None: nothing.
    """

    knows_histories = True

    def __init__(self, weights, histories, bonus, known, popularity, prior=None):
        super().__init__(name="history_search")
        self.num_items = len(bonus)
        nobody = scipy.sparse.csr_array((1, self.num_items), dtype=np.float32)
        stacked = scipy.sparse.vstack([histories, nobody], format="csr")
        self.histories = RaggedRows(stacked, "histories")
        self.item_weights = RaggedRows(weights, "item_weights")
        self.bonus = tf.Variable(bonus, dtype=tf.float32, trainable=False)
        self.known = tf.Variable(known, trainable=False)
        self.popularity = tf.Variable(popularity, dtype=tf.float32, trainable=False)
        self.prior = variable_or_none(prior)

    def best(self, rows, k):
        """As `IndexSearch.best`."""
        return in_parts(functools.partial(self._best, k=k), rows, k, self.num_items)

    def _best(self, rows, k):
        known = tf.gather(self.known, rows)[:, None]
        return tuple(tf.math.top_k(tf.where(known, self._scores(rows), self.popularity), k=k))

    def best_of_history(self, item_ids, k):
        """As `IndexSearch.best_of_history`."""
        best = functools.partial(self._best_of_history, k=k, item_ids=item_ids)
        return in_parts(best, tf.range(tf.shape(item_ids)[0]), k, self.num_items)

    def _best_of_history(self, places, k, item_ids):
        given = tf.gather(item_ids, places)
        is_item = given < self.num_items
        owner = tf.cast(tf.where(is_item)[:, 0], tf.int32)
        taken = tf.boolean_mask(given, is_item)
        scores = self._sums(owner, taken, tf.ones_like(taken, tf.float32), tf.size(places))
        has_any = tf.reduce_any(is_item, axis=1, keepdims=True)
        return tuple(tf.math.top_k(tf.where(has_any, scores, self.popularity), k=k))

    def logits(self, rows, item_ids):
        """The model's scores of pairs, two int32 tensors `(batch,)`, without the prior."""
        scores = tf.map_fn(
            lambda pair: self._scores(pair[0][None])[0, pair[1]],
            (rows, item_ids),
            fn_output_signature=tf.float32,
            parallel_iterations=1,
        )
        return scores if self.prior is None else scores - tf.gather(self.prior, item_ids)

    def added_by(self, items):
        """What each of some items adds to every item: int32 `(n,)` to float32 `(n, num_items)`."""
        owner, columns, values = self.item_weights.entries(items)
        return self._dense(owner, columns, values, tf.size(items))

    def _scores(self, rows):
        return self._sums(*self.histories.entries(rows), tf.size(rows))

    def _sums(self, owner, taken, amounts, size):
        entry, columns, values = self.item_weights.entries(taken)
        scores = self._dense(
            tf.gather(owner, entry), columns, values * tf.gather(amounts, entry), size
        )
        scores += self.bonus
        return scores if self.prior is None else scores + self.prior

    def _dense(self, owner, columns, values, size):
        """Sums of values by row and column, `(size, num_items)`."""
        sums = tf.math.unsorted_segment_sum(
            values, owner * self.num_items + columns, size * self.num_items
        )
        return tf.reshape(sums, (size, self.num_items))


class SimilarByWeights(tf.Module):
    """Items by the weight from one to the other.

    Args:
        search: `HistorySearch`.
    """

    def __init__(self, search):
        super().__init__(name="similar_items")
        self.search = search

    def best(self, rows, k):
        """As `SimilarItems.best`, with weights in place of cosines."""
        best = lambda part: tuple(tf.math.top_k(self.search.added_by(part), k=k))  # noqa: E731
        return in_parts(best, rows, k, self.search.num_items)
