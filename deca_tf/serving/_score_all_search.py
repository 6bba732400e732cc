"""Search by a model's scores of all items, for scores that are no dot product."""

import functools

import keras
import tensorflow as tf

from deca_tf.backbones.backbone import score_pairs
from deca_tf.serving._tracing import Untracked, trace

_PAIRS = (
    2**16
)  # user-item pairs scored at once, each of which may take hundreds of values in a network's layers


class ScoreAllSearch(tf.Module):
    """Exact search by a model's scores of all items.

    The model's `score_all_items` is traced here, once. What is shipped is that graph and the
    variables that it reads, and no Keras object. In the graph, users are scored few at a time, so
    that memory does not grow with the batch.

    Args:
        target: Keras model with `score_all_items(user_ids)`, `(batch,)` to `(batch, num_items)`, or
            else from `{"user_id", "item_id"}`, both `(batch,)`, to logits.
        known: bool `(num_users + 1,)`, whether a user is answered by the model (else by
            popularity).
        popularity: `(num_items,)`, the score of each item for all other users.
        prior: float32 `(num_items,)`, added to every score of the model; None: nothing.

    Raises:
        ValueError: `score_all_items` cannot be traced, calls back into Python, or gives another
            shape.
    """

    knows_histories = False  # whether it can answer for a user who is no row of the model

    def __init__(self, target, known, popularity, prior=None):
        super().__init__(name="score_all_search")
        self.num_users, self.num_items = len(known) - 1, len(popularity)
        self.known = tf.Variable(known, trainable=False)
        self.popularity = tf.Variable(popularity, dtype=tf.float32, trainable=False)
        self.prior = variable_or_none(prior)
        score_all = _trace_all(target, self.num_items)
        scores_pairs = type(target).call is not keras.Model.call
        score = (
            trace_pairs(target)
            if scores_pairs
            else lambda users, items: tf.gather(score_all(users), items, batch_dims=1)
        )
        read = (*score_all.variables, *(score.variables if scores_pairs else ()))
        self.weights = [*{id(weight): weight for weight in read}.values()]
        self._score_all, self._score = Untracked(score_all), Untracked(score)

    def best(self, rows, k):
        """As `IndexSearch.best`."""
        return in_parts(functools.partial(self._best, k=k), rows, k, self.num_items)

    def _best(self, rows, k):
        users = self._users(rows)
        scores = self._score_all.value(users)
        if self.prior is not None:
            scores += self.prior
        scores = tf.where(tf.gather(self.known, rows)[:, None], scores, self.popularity)
        return tuple(tf.math.top_k(scores, k=k))

    def logits(self, rows, item_ids):
        """The model's logits of pairs, two int32 tensors `(batch,)`."""
        return self._score.value(self._users(rows), item_ids)

    def _users(self, rows):
        return tf.minimum(
            rows, self.num_users - 1
        )  # an unknown user has no row in the model, nor needs one


def variable_or_none(prior):
    """A prior as a variable, float32 `(num_items,)`, if there is one."""
    return None if prior is None else tf.Variable(prior, dtype=tf.float32, trainable=False)


def in_parts(best, rows, k, pairs_per_user):
    """Answers few users at a time.

    Args:
        best: from int32 `(part,)` to `(scores, item_ids)`, each `(part, k)`.
        rows: int32 `(batch,)`.
        k: int32 scalar.
        pairs_per_user: how many pairs are scored for a user, an integer or an int32 scalar.

    Returns:
        What `best` gives, of all `rows`.
    """
    batch = tf.size(rows)
    # Parts of one size, evenly filled: one request of one user scores one user.
    parts = tf.maximum(1, -(-batch // tf.maximum(1, _PAIRS // pairs_per_user)))
    size = tf.maximum(1, -(-batch // parts))
    padded = tf.pad(rows, [[0, parts * size - batch]])
    scores, items = tf.map_fn(
        best,
        tf.reshape(padded, (parts, size)),
        fn_output_signature=(
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
        ),
        # In a graph it is 10 otherwise, with as many parts in memory together
        parallel_iterations=1,
    )
    return tuple(tf.reshape(part, (-1, k))[:batch] for part in (scores, items))


def trace_pairs(target):
    """The graph of a model's logits of pairs.

    From two int32 tensors `(batch,)` to float32 `(batch,)`.
    """
    ids = tf.TensorSpec([None], tf.int32)
    return trace(
        lambda users, items: tf.cast(
            target({"user_id": users, "item_id": items}, training=False), tf.float32
        ),
        [ids, ids],
        "`target`",
        target,
    )


def _trace_all(target, num_items):
    """The graph of a model's scores.

    A `ConcreteFunction` from int32 `(batch,)` to float32 `(batch, num_items)`.
    """
    score_all = getattr(target, "score_all_items", None) or functools.partial(
        score_pairs, target, num_items
    )
    traced = trace(
        lambda user_ids: tf.cast(score_all(user_ids), tf.float32),
        [tf.TensorSpec([None], tf.int32)],
        "`target.score_all_items`",
        target,
    )
    shape = traced.structured_outputs.shape
    if shape.rank is not None and (
        shape.rank != 2 or shape[0] is not None or shape[1] not in (None, num_items)
    ):
        raise ValueError(
            f"`target.score_all_items` must return shape (batch, num_items), (None, {num_items}). "
            f"Received: target={target!r}, which returned {shape}."
        )
    return traced
