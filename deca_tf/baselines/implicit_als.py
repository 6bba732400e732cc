"""ALS: matrix factorization of all pairs, observed and not."""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from deca_tf.baselines._ridge_rows import Rows, gram_of, solve_rows
from deca_tf.baselines._two_stages import InTwoStages
from deca_tf.baselines.baseline import popularity_weight
from deca_tf.baselines.popularity import popularity_bonus
from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option

if TYPE_CHECKING:
    import tensorflow as tf

FIRST_DEVIATION = 0.1  # of the first items' lengths, as in the paper's own experiments


class ImplicitALS(InTwoStages):
    """Scores by dot products of vectors that are fitted by alternating least squares.

    Source: Rendle, Krichene, Zhang and Koren, "Revisiting the performance of iALS on item
    recommendation benchmarks", RecSys 2022, with p_u and q_i the vectors, a the unobserved weight,
    nu the frequency scaling, n_u and n_i the observed pairs of user and item:

        minimise  sum over observed u, i of c_ui (1 - p_u'q_i)^2 + a * sum over all u, i (p_u'q_i)^2
                  + s * l2 * (sum of (n_u + a * num_items)^nu |p_u|^2
                              + sum of (n_i + a * num_users)^nu |q_i|^2)

    s makes the sum of all penalties what it is at nu = 1, so that `l2` keeps its measure. c_ui is
    the confidence in a click, the weight of the interactions or 1, and n_u and n_i are sums of it:
    a click of weight 2 is two clicks. Users are solved for once more at the end, so that a user's
    vector is that of the history, see `history_embedding`. The same settings, data and machine give
    the same vectors; all systems are solved exactly, in float32.

    Raises:
        ValueError: a setting out of its range.

    Example:
        >>> als = ImplicitALS(split.train, factors=8)
        >>> als.score_all_items([0, 1]).shape
        (2, 40)

    Stability: stable.
    """

    factors: int = option(default=64, search=OneOf(64, 128), doc="Length of the vectors.")
    l2: float = option(
        default=0.01,
        above=0,
        search=OneOf(0.01, 0.003, 0.03, 0.1),
        doc="Strength of the penalty on the vectors, for each unit of confidence.",
    )
    unobserved_weight: float = option(
        default=0.1,
        low=0,
        search=OneOf(0.1, 0.02, 0.3),
        doc="Weight of every pair as one that is not observed, where an observed one weighs 1.",
    )
    frequency_scaling: float = option(
        default=1.0,
        low=0,
        high=1,
        search=OneOf(1.0, 0.5),
        doc="How the penalty of a vector grows with its pairs: at 1 in proportion, at 0 not at all.",
    )
    popularity_weight: float = popularity_weight(0.0, 0.3, 1.0)
    iterations: int = option(default=12, doc="How often users and items are solved for in turn.")
    seed: int = option(default=0, low=0, doc="Fixes the first vectors.")

    warns_of_weights = False

    def learn(self, interactions: Interactions, shared: dict[Any, Any] | None) -> None:
        import threadpoolctl

        users, items = _sides(interactions, {} if shared is None else shared)
        self.penalty = self.l2 * _scale(
            users, items, self.unobserved_weight, self.frequency_scaling
        )
        of_users, of_items = self._penalties(users), self._penalties(items)
        a = self.unobserved_weight
        rng = np.random.default_rng(self.seed)
        vectors = rng.normal(0, FIRST_DEVIATION / self.factors**0.5, (self.num_items, self.factors))
        vectors = vectors.astype(np.float32)
        # The systems are small: threads of BLAS would wait for each other.
        with threadpoolctl.threadpool_limits(1, "blas"):
            for _ in range(self.iterations):
                vectors = solve_rows(items, solve_rows(users, vectors, a, of_users), a, of_items)
            self.user_factors = solve_rows(users, vectors, a, of_users)
        self.item_factors = vectors

    def finish(self, interactions: Interactions) -> None:
        self.bonus = popularity_bonus(interactions, self.popularity_weight)

    def query_embedding(self, user_ids: np.ndarray) -> np.ndarray:
        """A user's vector and 1, which takes the bonus: `(batch,)` to `(batch, factors + 1)`."""
        return _with_column(self.user_factors[np.asarray(user_ids)], 1.0)

    def candidate_embedding(self, item_ids: np.ndarray) -> np.ndarray:
        """An item's vector and its bonus: `(batch,)` to `(batch, factors + 1)`."""
        item_ids = np.asarray(item_ids)
        return _with_column(self.item_factors[item_ids], self.bonus[item_ids])

    def history_embedding(self, item_ids: "tf.Tensor") -> "tf.Tensor":
        """The vector that training would give a user with this history, clicks of weight 1.

        Args:
            item_ids: int32 `(batch, n)`, each item once, padded with `num_items`.

        Returns:
            Float32 `(batch, factors + 1)`, as `query_embedding`.
        """
        import tensorflow as tf

        vectors, shared = self._fold_in_variables
        vectors, shared = tf.convert_to_tensor(vectors), tf.convert_to_tensor(shared)
        is_item = item_ids < self.num_items
        entries = tf.gather(vectors, tf.where(is_item, item_ids, 0))
        entries = tf.where(is_item[..., None], entries, 0.0)
        count = tf.reduce_sum(tf.cast(is_item, tf.float32), axis=1)
        total = tf.maximum(count, 1.0) + self.unobserved_weight * self.num_items
        penalty = self.penalty * total**self.frequency_scaling  # of no history: any, it becomes 0
        systems = tf.matmul(entries, entries, transpose_a=True) + shared
        systems += penalty[:, None, None] * tf.eye(self.factors)
        right = tf.reduce_sum(entries, axis=1)[..., None]
        found = tf.linalg.cholesky_solve(tf.linalg.cholesky(systems), right)[..., 0]
        return tf.concat([found, tf.ones_like(found[:, :1])], axis=1)

    @functools.cached_property
    def _fold_in_variables(self):
        """The items' vectors and what they add to each history's system, kept once for graphs."""
        import tensorflow as tf

        with tf.init_scope():
            shared = self.unobserved_weight * gram_of(self.item_factors)
            return (
                tf.Variable(self.item_factors, trainable=False),
                tf.Variable(shared, trainable=False, dtype=tf.float32),
            )

    def _penalties(self, rows):
        totals = rows.totals + self.unobserved_weight * rows.shape[1]
        return self.penalty * totals**self.frequency_scaling


def _sides(interactions, shared):
    """`Rows` of users and of items."""
    if "sides" not in shared:
        clicks = interactions.to_csr(interactions.weight)
        clicks.eliminate_zeros()
        shared["sides"] = Rows(clicks), Rows(clicks.T.tocsr())
    return shared["sides"]


def _scale(users, items, unobserved_weight, power):
    """s: by how much penalties are larger at a power of 1, for all who have observed pairs."""
    totals = [
        side.totals[side.totals > 0] + unobserved_weight * side.shape[1] for side in (users, items)
    ]
    totals = np.concatenate(totals)
    return float(totals.sum() / (totals**power).sum()) if len(totals) else 1.0


def _with_column(vectors, value):
    column = np.broadcast_to(np.float32(value), len(vectors))
    return np.column_stack([vectors, column])
