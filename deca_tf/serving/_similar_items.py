"""Which items are alike."""

import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import score_pairs
from deca_tf.serving._tracing import Untracked

SAMPLED_USERS = 128  # whose scores describe an item, where it has no vector


class SimilarItems(tf.Module):
    """Items by the cosine of their vectors, after the mean of all items is taken off.

    What all items have in common says nothing of a pair, and in a model that mostly knows what is
    popular it is nearly all there is.

    Args:
        vectors: float32 `(num_items, dim)`.
        make_index: from vectors and extras to an index and its table, see `_assembly`.
    """

    def __init__(self, vectors, make_index):
        super().__init__(name="similar_items")
        centred = vectors - vectors.mean(axis=0)
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        index, self.table = make_index(
            centred / np.where(length > 0, length, 1.0), np.zeros((len(vectors), 1))
        )
        self.weights = index.weights
        self._index = Untracked(index)

    def best(self, rows, k):
        """The most alike items, themselves included: cosines and item ids, each `(batch, k)`."""
        queries = self.table.vectors(rows)
        return self._index.value(tf.pad(queries, [[0, 0], [0, 1]]), k=k)


class AlikeByPopularity(tf.Module):
    """For a model to which items differ by popularity alone: the most popular ones.

    Args:
        popularity: `(num_items,)`.
    """

    def __init__(self, popularity):
        super().__init__(name="similar_items")
        self.popularity = tf.Variable(popularity, dtype=tf.float32, trainable=False)

    def best(self, rows, k):
        """As `SimilarItems.best`, with popularity in place of cosines."""
        best = tf.math.top_k(self.popularity, k=k)
        return tuple(tf.repeat(each[None], tf.size(rows), axis=0) for each in best)


def described_by_scores(target, known, num_items, seed=0):
    """Vectors of items for a model without any: the logits that some of its users give them.

    Args:
        target: Keras model, see `ScoreAllSearch`.
        known: bool `(num_users,)`, who has a history.
        num_items: size of the catalogue.
        seed: which users.

    Returns:
        float32 `(num_items, at most 128)`.
    """
    users = np.flatnonzero(known)
    if len(users) > SAMPLED_USERS:
        users = np.sort(np.random.default_rng(seed).choice(users, SAMPLED_USERS, replace=False))
    score_all = getattr(target, "score_all_items", None) or (
        lambda ids: score_pairs(target, num_items, ids)
    )
    rows = [
        ops.convert_to_numpy(score_all(ops.convert_to_tensor([user], "int32"))) for user in users
    ]
    return np.concatenate(rows).astype(np.float32).T
