"""What a loss of whole users is made of: scores of their clicks, and sums over all items."""

import functools
from collections.abc import Callable

import tensorflow as tf
from keras import ops


class UserScores:
    """Scores of some users for their clicks, and sums over the whole catalogue.

    The catalogue is either scored whole, the clicks among it, or it is the clicks and, for all
    other items, a pool of candidates of which each stands for several. A sum over all items is then
    exact on the clicks, and estimated without bias elsewhere.

    Args:
        user: which of the users each click is of, int32 `(clicks,)`; -1: of none, to be left out.
        target: what is to be found of each click, `(clicks,)`: 1, or less where it is doubted.
        logits: the recommender's, of the clicks, `(clicks,)`.
        all_logits: of each user and each candidate, `(users, m)`.
        stands_for: for how many items each candidate stands, `(users, m)`, 0 where it is one of the
            user's clicks; None: the candidates are all items, in order.
        num_items: size of the catalogue.

    Example:
        >>> scores = UserScores([0, 0], [1.0, 1.0], [2.0, 3.0], [[2.0, 3.0, 6.0]], None, 3)
        >>> scores.sum_over_clicks(scores.logits).numpy().tolist()
        [5.0]
        >>> scores.sum_over_items(lambda logits: logits**2).numpy().tolist()
        [49.0]

    Stability: provisional.
    """

    def __init__(
        self,
        user: tf.Tensor,
        target: tf.Tensor,
        logits: tf.Tensor,
        all_logits: tf.Tensor,
        stands_for: tf.Tensor | None,
        num_items: int,
    ) -> None:
        self.user, self.target = tf.convert_to_tensor(user), tf.convert_to_tensor(target)
        self.logits = tf.convert_to_tensor(logits)
        self.all_logits, self.stands_for = tf.convert_to_tensor(all_logits), stands_for
        self.num_items = num_items

    def sum_over_clicks(self, values: tf.Tensor) -> tf.Tensor:
        """Sums of a value of each click, `(clicks,)` to `(users,)`."""
        return tf.math.unsorted_segment_sum(values, self.user, ops.shape(self.all_logits)[0])

    def sum_over_items(self, function: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """Sums over all items of an element-wise function of their logits, `(users,)`."""
        values = function(self.all_logits)
        if self.stands_for is None:
            return ops.sum(values, axis=-1)
        return ops.sum(self.stands_for * values, axis=-1) + self.sum_over_clicks(
            function(self.logits)
        )

    @functools.cached_property
    def num_clicks(self) -> tf.Tensor:
        """How many clicks each user has, float32 `(users,)`."""
        return self.sum_over_clicks(tf.ones_like(self.logits))

    @functools.cached_property
    def log_sum_exp(self) -> tf.Tensor:
        """Logarithm of the sum over all items of `exp(logit)`, `(users,)`."""
        if self.stands_for is None:
            return ops.logsumexp(self.all_logits, axis=-1)
        largest = tf.stop_gradient(
            tf.maximum(
                ops.max(self.all_logits, axis=-1),
                tf.math.unsorted_segment_max(self.logits, self.user, ops.shape(self.all_logits)[0]),
            )
        )
        candidates = ops.sum(self.stands_for * ops.exp(self.all_logits - largest[:, None]), axis=-1)
        clicks = ops.exp(self.logits - tf.gather(largest, tf.maximum(self.user, 0)))
        return largest + ops.log(candidates + self.sum_over_clicks(clicks))

    @functools.cached_property
    def length(self) -> tf.Tensor:
        """Root of the sum over all items of `logit ** 2`, `(users,)`, at least 1e-6."""
        return ops.sqrt(self.sum_over_items(ops.square) + 1e-12)

    def mean_of_clicks(self, values: tf.Tensor) -> tf.Tensor:
        """Means of a value of each click, `(clicks,)` to `(users,)`; 0 of a user without any."""
        return self.sum_over_clicks(values) / ops.maximum(self.num_clicks, 1.0)

    def mean_of_others(self, sum_of_all: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """Means over the items that are no clicks, `(users,)`, of what sums to so much over all."""
        others = ops.maximum(self.num_items - self.num_clicks, 1.0)
        return (sum_of_all - self.sum_over_clicks(values)) / others
