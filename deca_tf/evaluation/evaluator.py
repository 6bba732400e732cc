"""How well a model ranks, for all users and for each."""

import functools
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import pandas as pd
import scipy.sparse
import tensorflow as tf

from deca_tf._checks import check_choice, check_integer
from deca_tf.baselines.popularity import Popularity
from deca_tf.data import schema
from deca_tf.data.splits import Split, check_split
from deca_tf.evaluation._ranking import Ranking
from deca_tf.evaluation._scoring import scorer
from deca_tf.evaluation.evaluation import Evaluation
from deca_tf.metrics import METRICS
from deca_tf.trends.trending import Trending

KS = (3, 5, 10, 20, 50)


def evaluate(
    model: Any,
    split: Split,
    *,
    part: str = "test",
    ks: Iterable[int] = KS,
    leave_out_seen: bool = True,
    chunk_size: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Evaluates a model by ranking all items for each user.

    Users are those with at least one pair in the part; relevant are their distinct pairs in it.
    Items of their training history (and, for the test, of validation) are left out of the ranking
    and can be no hits, even if they are relevant too: under protocol 'paper' some are, and they
    stay in the denominators, as in the released code. An item that the model scores -inf is never
    recommended either.

    Ties go to the lower item id. Users without training history are ranked by popularity, or by the
    model's own `for_strangers`, scores of all items `(num_items,)`, as in serving; but under
    'paper' by the model. There a Keras model is ranked by its probabilities in
    float32, as in the released code, where logits below 1e-7 are all 0.5 and above 17 all 1: ties
    where the logits have none.

    Args:
        model: a `Backbone`; a `DeCAModel` or anything else with a `.recommender`, which is then
            evaluated; a Keras model from `{"user_id", "item_id"}`, both `(batch,)`, to logits; or
            any object with `score_all_items(user_ids) -> (batch, num_items)`, in NumPy or
            TensorFlow.
        split: a `Split`.
        part: 'test' or 'validation'.
        leave_out_seen: False ranks all items, seen or not: what the released code does to CDAE.
            Never to be compared with the rest.
        ks: lengths of the lists. Beyond the number of items the list is all items; precision still
            divides by k.
        chunk_size: users ranked at once by each thread; None: as many as make 1 MiB of scores,
            fewer where each score takes a network. Changes nothing but speed and memory.
        progress: called as `progress(users_done, num_users)` after each chunk, or None.

    Returns:
        An `Evaluation`.

    Raises:
        TypeError: `model` is none of these, or `split` no `Split`.
        ValueError: an unknown part, a part without pairs, a `k` below 1, a model over other ids
            than the split, or scores that are NaN.

    Example:
        >>> popularity = deca_tf.baselines.Popularity(split.train)
        >>> evaluation = deca_tf.evaluate(popularity, split, ks=(5, 10))
        >>> round(evaluation["recall@5"], 3)
        0.371

    Stability: stable.
    """
    evaluator = Evaluator(
        split, part=part, ks=ks, leave_out_seen=leave_out_seen, chunk_size=chunk_size
    )
    return evaluator(model, progress)


class Evaluator:
    """`evaluate` with all that does not depend on the model worked out once.

    Takes the arguments of `evaluate` but the model and `progress`, which it is called with.

    Example:
        >>> evaluator = Evaluator(split, part="validation", ks=(20,))
        >>> sorted(evaluator(model).metrics)
        ['mrr@20', 'ndcg@20', 'precision@20', 'recall@20']

    Stability: stable.
    """

    def __init__(
        self,
        split: Split,
        *,
        part: str = "test",
        ks: Iterable[int] = KS,
        leave_out_seen: bool = True,
        chunk_size: int | None = None,
    ) -> None:
        check_split(split)
        check_choice("part", part, schema.PARTS[1:])
        self.ks = tuple(check_integer("ks", k) for k in ks)
        if not self.ks:
            raise ValueError("`ks` must hold at least one length. Received: ks=().")
        self.chunk_size = None if chunk_size is None else check_integer("chunk_size", chunk_size)
        relevant = getattr(split, part).to_csr()
        if not relevant.nnz:
            raise ValueError(
                f"The {part} split must hold pairs to be evaluated on. Received: none."
            )
        self.split = split
        self._length = min(max(self.ks), split.num_items)
        counts = np.diff(relevant.indptr)
        self.users = np.flatnonzero(counts)
        self._num_relevant = counts[self.users]
        self.is_warm = split.train.user_activity()[self.users] > 0
        seen = (split.train if part == "validation" else split.seen()).to_csr()
        if not leave_out_seen:
            seen = scipy.sparse.csr_array(seen.shape, dtype=seen.dtype)
        findable = (relevant - relevant.multiply(seen)).tocsr()  # the rest need not be looked for
        self._pairs = _pairs_of(relevant)
        self._is_findable = np.isin(_keys_of(relevant), _keys_of(findable), assume_unique=True)
        by_popularity = ~self.is_warm & (split.protocol != schema.PAPER)
        self._by_model = Ranking(self.users, np.flatnonzero(~by_popularity), seen, findable)
        self._by_popularity = Ranking(self.users, np.flatnonzero(by_popularity), seen, findable)
        # A model, and functions of its and of its members: later epochs trace none anew.
        self._compiled: tuple[Any, dict] = (None, {})

    def __call__(
        self, model: Any, progress: Callable[[int, int], object] | None = None
    ) -> Evaluation:
        """Evaluates a model; see `evaluate`."""
        began = time.perf_counter()
        model = getattr(model, "recommender", model)
        scored = model.scored if isinstance(model, Trending) else model
        _check_model(scored, self.split)
        hits, ranks = self._found_for_strangers(getattr(model, "for_strangers", None))
        known, compiled = self._compiled
        if known is not scored:
            compiled = {}
            # Not read again: another thread may evaluate another model meanwhile.
            self._compiled = (scored, compiled)
        score, fitting = scorer(model, self.split.num_items, compiled)
        by_probability = self.split.protocol == schema.PAPER and isinstance(model, keras.Model)
        offset = len(self.users) - len(self._by_model.users)

        def tell(done):
            if progress is not None:
                progress(offset + done, len(self.users))

        # A model of another make may not be for several threads at once.
        threads = _num_threads() if isinstance(scored, keras.Model) else 1
        self._by_model.fill(
            hits, ranks, score, self.chunk_size or fitting, tell, by_probability, threads
        )
        names = [(name, k) for name in METRICS for k in self.ks]
        values = {f"{name}@{k}": METRICS[name](hits, self._num_relevant, k) for name, k in names}
        raw = self.split.train.raw_user_ids[self.users]
        return Evaluation(
            metrics={name: float(value.mean()) for name, value in values.items()},
            warm={
                name: float(value[self.is_warm].mean())
                for name, value in values.items()
                if self.is_warm.any()
            },
            num_users=len(self.users),
            num_warm_users=int(self.is_warm.sum()),
            seconds=time.perf_counter() - began,
            per_user=pd.DataFrame({schema.USER_ID: raw, "is_warm": self.is_warm, **values}),
            per_pair=self._per_pair(ranks),
        )

    def _per_pair(self, ranks):
        """The table of that name, from the ranks, from 0, of the pairs that can be found."""
        rank = np.zeros(len(self._is_findable), np.int32)
        rank[self._is_findable] = np.where(ranks < self.split.num_items, ranks + 1, 0)
        return pd.DataFrame({**self._pairs, "rank": rank})

    def _found_for_strangers(self, scores):
        """Hits and ranks of the users that no model ranks, to add to.

        Bool `(users, length)` and int32 `(pairs to find,)`, by the scores `(num_items,)` of the
        items; None: popularity.
        """
        if scores is None:
            return tuple(found.copy() for found in self._found_by_popularity)
        return self._found_by(_Alike(scores))

    @functools.cached_property
    def _found_by_popularity(self):
        return self._found_by(Popularity(self.split.train))

    def _found_by(self, model):
        hits = np.zeros((len(self.users), self._length), bool)
        ranks = np.full(np.count_nonzero(self._is_findable), self.split.num_items, np.int32)
        score, fitting = scorer(model, self.split.num_items, {})
        self._by_popularity.fill(hits, ranks, score, self.chunk_size or fitting)
        return hits, ranks


class _Alike:
    """Scores items alike for every user."""

    def __init__(self, scores):
        self.scores = np.asarray(scores, np.float32)

    def score_all_items(self, user_ids):
        return np.broadcast_to(self.scores, (len(user_ids), len(self.scores)))


def _pairs_of(matrix):
    """Users and items of a CSR matrix's cells, int32, in its order."""
    users = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    return {schema.USER_ID: users, schema.ITEM_ID: matrix.indices.astype(np.int32, copy=False)}


def _keys_of(matrix):
    pairs = _pairs_of(matrix)
    return pairs[schema.USER_ID].astype(np.int64) * matrix.shape[1] + pairs[schema.ITEM_ID]


def _num_threads():
    """As many as TensorFlow computes with."""
    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()


def _check_model(model, split):
    if not isinstance(model, keras.Model) and not hasattr(model, "score_all_items"):
        raise TypeError(
            "`model` must be a keras.Model from {'user_id', 'item_id'} to logits, or have "
            "`score_all_items(user_ids)`. "
            f"Received: model={model!r} of type {type(model).__name__}."
        )
    for size in ("num_users", "num_items"):
        expected = getattr(split, size)
        if getattr(model, size, expected) != expected:
            raise ValueError(
                f"`model` must have the split's `{size}`, {expected}. Received: "
                f"model.{size}={getattr(model, size)}. "
                "Give the split that the model was trained on."
            )
