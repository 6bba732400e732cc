"""Judging: rank all items for each user who has relevant ones, leave out what was seen, and look for hits."""

import dataclasses
import functools
import time

import numpy as np
import pandas as pd
import tensorflow as tf

from deca_tf.checks import check_choice, check_integer
from deca_tf.comparators.popularity import Popularity
from deca_tf.data import schema
from deca_tf.metrics import METRICS

KS = (3, 5, 10, 20, 50)
CHUNK_BYTES = 16 * 2**20  # of one chunk's scores: small enough to stay near the processor's caches
PARTS = ("validation", "test")


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Args:
        metrics: means over all users, `{"recall@3": ..., "mrr@50": ...}`.
        warm: the same over users with a training history; empty where there are none.
        num_users: users judged.
        num_warm_users: those with a training history.
        seconds: wall time of ranking.
        per_user: one row per user: `user_id` (raw), `is_warm` and a column per metric, for paired tests.
    """

    metrics: dict
    warm: dict
    num_users: int
    num_warm_users: int
    seconds: float
    per_user: pd.DataFrame


def evaluate(model, split, *, part="test", ks=KS, chunk_size=None):
    """Judges a model by ranking all items.

    Users are those with at least one pair in the part; relevant are their distinct pairs in it. Items of their
    training history (and, for the test, validation) are left out of the ranking and can be no hits, even if they are
    relevant too: under protocol 'paper' some are, and they stay in the denominators, as in the released code.

    Ties go to the lower item id. Under protocol 'clean' users without training history are ranked by popularity, as
    in serving; under 'paper' by the model.

    Args:
        model: anything with `score_all_items`, a `DeCAModel` (its target is judged), or a Keras model from
            `{"user_id", "item_id"}` to logits.
        split: a `Split`.
        part: 'test' or 'validation'.
        ks: lengths of the lists.
        chunk_size: users ranked at once; None: as many as make 16 MiB of scores. Changes nothing but speed.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: an unknown part, a part without pairs, or a `k` below 1.

    Example:
        >>> evaluate(model, split).metrics["recall@20"]
    """
    return Evaluator(split, part=part, ks=ks, chunk_size=chunk_size)(model)


class Evaluator:
    """`evaluate` with all that does not depend on the model worked out once.

    Takes the arguments of `evaluate` but the model, which it is called with.
    """

    def __init__(self, split, *, part="test", ks=KS, chunk_size=None):
        check_choice("part", part, PARTS)
        self.ks = tuple(check_integer("ks", k) for k in ks)
        relevant = getattr(split, part).distinct()
        if not len(relevant):
            raise ValueError(f"The {part} split must hold pairs to be judged by. Received: none.")
        self.split = split
        self._relevant = np.sort(relevant.pair_key)
        self.users, self._num_relevant = np.unique(relevant.user_id, return_counts=True)
        self.is_warm = split.train.user_activity()[self.users] > 0
        self._by_popularity = ~self.is_warm & (split.protocol == schema.CLEAN)
        self._seen = (split.train if part == "validation" else split.seen()).to_csr()
        self._seen.sort_indices()
        self._popularity = Popularity(split.train)
        fitting = max(1, CHUNK_BYTES // (4 * split.num_items))
        self.chunk_size = fitting if chunk_size is None else check_integer("chunk_size", chunk_size)
        self._length = min(max(self.ks), split.num_items)

    def __call__(self, model):
        """Judges a model; see `evaluate`."""
        began = time.perf_counter()
        hits = np.zeros((len(self.users), self._length), bool)
        self._rank(_scorer(model, self.split.num_items), np.flatnonzero(~self._by_popularity), hits)
        self._rank(self._popularity.score_all_items, np.flatnonzero(self._by_popularity), hits)
        names = [(name, k) for name in METRICS for k in self.ks]
        values = {f"{name}@{k}": METRICS[name](hits, self._num_relevant, k) for name, k in names}
        seconds = time.perf_counter() - began
        per_user = pd.DataFrame({"user_id": self.split.train.raw_user_ids[self.users], "is_warm": self.is_warm})
        return Evaluation(
            metrics={name: float(value.mean()) for name, value in values.items()},
            warm={name: float(value[self.is_warm].mean()) for name, value in values.items() if self.is_warm.any()},
            num_users=len(self.users),
            num_warm_users=int(self.is_warm.sum()),
            seconds=seconds,
            per_user=per_user.assign(**values),
        )

    def _rank(self, score, rows, hits):
        """Fills the rows of `hits` with what the lists made by `score` hold."""
        for start in range(0, len(rows), self.chunk_size):
            chunk = rows[start : start + self.chunk_size]
            users = self.users[chunk]
            scores = tf.convert_to_tensor(score(tf.constant(users, tf.int32)), tf.float32)
            items = _best_unseen(scores, tf.constant(self._seen_cells(users)), self._length).numpy()
            keys = users[:, None].astype(np.int64) * self.split.num_items + np.maximum(items, 0)
            place = np.minimum(np.searchsorted(self._relevant, keys), len(self._relevant) - 1)
            hits[chunk] = (self._relevant[place] == keys) & (items >= 0)

    def _seen_cells(self, users):
        """Cells (row in the chunk, item) that the users have seen, int32 `(cells, 2)`."""
        starts = self._seen.indptr[users]
        lengths = self._seen.indptr[users + 1] - starts
        row = np.repeat(np.arange(len(users)), lengths)
        within = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        items = self._seen.indices[np.repeat(starts, lengths) + within]
        return np.stack([row, items], axis=1).astype(np.int32)


@tf.function(reduce_retracing=True)
def _best_unseen(scores, seen_cells, length):
    """The best items of each row, int32 `(batch, length)`; -1 where none is left."""
    scores = tf.tensor_scatter_nd_update(scores, seen_cells, tf.fill(tf.shape(seen_cells)[:1], -np.inf))
    values, items = tf.math.top_k(scores, length)  # of equal scores the lower index comes first
    return tf.where(tf.math.is_inf(values) & (values < 0), -1, items)


def _scorer(model, num_items):
    """A function from user ids `(batch,)` to scores `(batch, num_items)`."""
    model = getattr(model, "target", model)
    if hasattr(model, "score_all_items"):
        return model.score_all_items

    def score_pairs(user_ids):
        users = tf.repeat(user_ids, num_items)
        items = tf.tile(tf.range(num_items), tf.shape(user_ids))
        return tf.reshape(model({"user_id": users, "item_id": items}, training=False), (-1, num_items))

    return score_pairs
