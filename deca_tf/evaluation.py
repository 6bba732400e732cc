"""Judging: rank all items for each user who has relevant ones, leave out what was seen, and look where those come."""

import concurrent.futures
import dataclasses
import functools
import os
import queue
import threading
import time

import keras
import numpy as np
import pandas as pd
import scipy.sparse
import scipy.special
import tensorflow as tf
import threadpoolctl
from keras import ops

from deca_tf.backbones.backbone import score_pairs
from deca_tf.checks import check_choice, check_integer
from deca_tf.comparators.popularity import Popularity
from deca_tf.data import schema
from deca_tf.metrics import METRICS

KS = (3, 5, 10, 20, 50)
CHUNK_SCORES = 2**18  # scores at once where each is one product: 1 MiB, to stay in a core's own cache
CHUNK_ROWS = 64  # users at least in a product, which with fewer takes up to twice as long a score
MOST_SCORES = 2**24  # but never more scores than this, 64 MiB
CHUNK_PAIRS = 2**14  # scores at once where each takes a network, with hundreds of values per pair in its layers
WHOLE_CHUNK_PAIRS = 2**17  # and where the model takes whole users: it works out its items' part once for each chunk
CHUNK_VECTORS = 8192  # users whose vectors are computed at once
_TURN = threading.Lock()


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found.

    Args:
        metrics: means over all users judged, `{"recall@3": ..., "mrr@50": ...}`.
        warm: the same over users with a training history; empty where there are none.
        num_users: users judged.
        num_warm_users: those with a training history.
        seconds: wall time of scoring, ranking and averaging, without the set-up that `Evaluator` does once.
        per_user: one row per user: `user_id` (raw), `is_warm` and a column per metric, for paired tests.
        per_pair: one row per relevant pair, in order of user and item: dense `user_id` and `item_id`, and `place`, that
            of the item in the user's ranking, from 1; 0 where it is never recommended. Exact up to the largest of
            `ks`; further down it does not count items of equal score that come before.
    """

    metrics: dict
    warm: dict
    num_users: int
    num_warm_users: int
    seconds: float
    per_user: pd.DataFrame
    per_pair: pd.DataFrame

    def to_dict(self):
        """All but `per_user` and `per_pair`, as plain numbers that JSON can hold."""
        names = [field.name for field in dataclasses.fields(self) if not field.name.startswith("per_")]
        return {name: getattr(self, name) for name in names}


def evaluate(model, split, *, part="test", ks=KS, leave_out_seen=True, chunk_size=None, progress=None):
    """Judges a model by ranking all items.

    Users are those with at least one pair in the part; relevant are their distinct pairs in it. Items of their
    training history (and, for the test, of validation) are left out of the ranking and can be no hits, even if they
    are relevant too: under protocol 'paper' some are, and they stay in the denominators, as in the released code.
    An item that the model scores -inf is never recommended either.

    Ties go to the lower item id. Under protocol 'clean' users without training history are ranked by popularity, as
    in serving; under 'paper' by the model. There a Keras model is ranked by its probabilities in float32, as in the
    released code, where logits below 1e-7 are all 0.5 and above 17 all 1: ties where the logits have none.

    Args:
        model: a `Backbone`; a `DeCAModel` or anything else with a `.recommender`, which is judged; a Keras model from
            `{"user_id", "item_id"}`, both `(batch,)`, to logits; or any object with
            `score_all_items(user_ids) -> (batch, num_items)`, in NumPy or TensorFlow.
        split: a `Split`.
        part: 'test' or 'validation'.
        leave_out_seen: False ranks all items, seen or not: what the released code does to CDAE. Never to be compared
            with the rest.
        ks: lengths of the lists. Beyond the number of items the list is all items; precision still divides by k.
        chunk_size: users ranked at once by each thread; None: as many as make 1 MiB of scores, fewer where each score
            takes a network. Changes nothing but speed and memory.
        progress: called as `progress(users_done, num_users)` after each chunk, or None.

    Returns:
        An `Evaluation`.

    Raises:
        TypeError: `model` is none of these.
        ValueError: an unknown part, a part without pairs, a `k` below 1, a model over other ids than the split, or
            scores that are NaN.

    Example:
        >>> evaluate(model, split).metrics["recall@20"]
    """
    judge = Evaluator(split, part=part, ks=ks, leave_out_seen=leave_out_seen, chunk_size=chunk_size)
    return judge(model, progress)


class Evaluator:
    """`evaluate` with all that does not depend on the model worked out once.

    Takes the arguments of `evaluate` but the model and `progress`, which it is called with.

    Example:
        >>> judge = Evaluator(split, part="validation", ks=(20,))
        >>> judge(model).metrics
    """

    def __init__(self, split, *, part="test", ks=KS, leave_out_seen=True, chunk_size=None):
        check_choice("part", part, schema.PARTS[1:])
        self.ks = tuple(check_integer("ks", k) for k in ks)
        if not self.ks:
            raise ValueError("`ks` must hold at least one length. Received: ks=().")
        self.chunk_size = None if chunk_size is None else check_integer("chunk_size", chunk_size)
        relevant = getattr(split, part).to_csr()
        if not relevant.nnz:
            raise ValueError(f"The {part} split must hold pairs to be judged by. Received: none.")
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
        by_popularity = ~self.is_warm & (split.protocol == schema.CLEAN)
        self._by_model = _Ranking(self.users, np.flatnonzero(~by_popularity), seen, findable)
        self._by_popularity = _Ranking(self.users, np.flatnonzero(by_popularity), seen, findable)
        self._compiled = None, {}  # a model and functions of its and of its members, so that later epochs trace none anew

    def __call__(self, model, progress=None):
        """Judges a model; see `evaluate`."""
        began = time.perf_counter()
        hits, places = (known.copy() for known in self._found_by_popularity)
        model = getattr(model, "recommender", model)
        known, compiled = self._compiled
        if known is not model:
            compiled = {}
            self._compiled = model, compiled  # not read again: another thread may judge another model meanwhile
        score, fitting = self._scorer(model, compiled)
        by_probability = self.split.protocol == schema.PAPER and isinstance(model, keras.Model)
        offset = len(self.users) - len(self._by_model.users)
        tell = progress and (lambda done: progress(offset + done, len(self.users)))
        # A model of another make may not be for several threads at once.
        threads = _num_threads() if isinstance(model, keras.Model) else 1
        self._by_model.fill(hits, places, score, self.chunk_size or fitting, tell, by_probability, threads)
        names = [(name, k) for name in METRICS for k in self.ks]
        values = {f"{name}@{k}": METRICS[name](hits, self._num_relevant, k) for name, k in names}
        raw = self.split.train.raw_user_ids[self.users]
        return Evaluation(
            metrics={name: float(value.mean()) for name, value in values.items()},
            warm={name: float(value[self.is_warm].mean()) for name, value in values.items() if self.is_warm.any()},
            num_users=len(self.users),
            num_warm_users=int(self.is_warm.sum()),
            seconds=time.perf_counter() - began,
            per_user=pd.DataFrame({schema.USER_ID: raw, "is_warm": self.is_warm, **values}),
            per_pair=self._per_pair(places),
        )

    def _per_pair(self, places):
        """The table of that name, from the places of the pairs that can be found."""
        place = np.zeros(len(self._is_findable), np.int32)
        place[self._is_findable] = np.where(places < self.split.num_items, places + 1, 0)
        return pd.DataFrame({**self._pairs, "place": place})

    @functools.cached_property
    def _found_by_popularity(self):
        """Of the users whom no model ranks: hits, bool `(users, length)`, and places, int32 `(pairs to find,)`."""
        hits = np.zeros((len(self.users), self._length), bool)
        places = np.full(np.count_nonzero(self._is_findable), self.split.num_items, np.int32)
        fitting = max(1, CHUNK_SCORES // self.split.num_items)
        popularity = Popularity(self.split.train)
        score = functools.partial(_rows, popularity.score_all_items)
        self._by_popularity.fill(hits, places, score, self.chunk_size or fitting)
        return hits, places

    def _scorer(self, model, compiled):
        """How to score with a model.

        Args:
            model: the one that is judged, or one of its members.
            compiled: TensorFlow's functions by model, which this adds to.

        Returns:
            `(prepare, chunk_size)`; `prepare(users)`, int32 `(n,)`, returns a function from the bounds of a slice of
            them and a float32 array `(stop - start, num_items)`, which it writes their scores into.
        """
        _check_model(model, self.split)
        num_items = self.split.num_items
        whole_rows = max(CHUNK_SCORES // num_items, min(CHUNK_ROWS, MOST_SCORES // num_items), 1)
        if getattr(model, "is_factorized", False):
            return functools.partial(_products, model), whole_rows
        if not isinstance(model, keras.Model):
            return functools.partial(_rows, model.score_all_items), whole_rows
        members = getattr(model, "members", ())
        if members:
            prepares, sizes = zip(*(self._scorer(member, compiled) for member in members), strict=True)
            if model not in compiled:
                compiled[model] = tf.function(model.combine_scores, jit_compile=True)
            return functools.partial(_combined, compiled[model], prepares), min(sizes)
        takes_users = hasattr(model, "score_all_items")
        if model not in compiled:
            score = model.score_all_items if takes_users else functools.partial(score_pairs, model, num_items)
            compiled[model] = tf.function(score, jit_compile=getattr(model, "ranks_under_xla", None))
        rows = max(1, (WHOLE_CHUNK_PAIRS if takes_users else CHUNK_PAIRS) // num_items)
        return functools.partial(_rows, lambda users: compiled[model](tf.constant(users))), rows


class _Ranking:
    """Finds the places of the relevant items of some users, by counting what scores higher.

    Counting costs two passes over a user's scores for each relevant item. That is far less than selecting the best
    ones, since most users have few, and the order of ties is a formula and not a sorting routine's habit.

    Args:
        users: all users judged, int `(all,)`.
        rows: which of them are ranked here, int `(n,)`.
        seen: SciPy CSR `(num_users, num_items)` of pairs to leave out.
        relevant: SciPy CSR of the pairs to find; those that are in `seen` too come nowhere.
    """

    def __init__(self, users, rows, seen, relevant):
        counts = np.diff(relevant.indptr)[users[rows]]
        order = np.argsort(-counts, kind="stable")  # so that those with more than j items to find come first
        self.rows = rows[order]
        self.users = users[self.rows].astype(np.int32)
        self.counts = counts[order]
        self.relevant = relevant
        self.num_items = seen.shape[1]
        chosen = seen[self.users]
        self.seen_starts = chosen.indptr
        self.seen_cells = np.repeat(np.arange(len(rows)), np.diff(chosen.indptr)) * self.num_items + chosen.indices

    def fill(self, hits, places, prepare, chunk_size, progress=None, by_probability=False, threads=1):
        """Marks in `hits`, bool `(all, length)`, where relevant items come; `places` has a place, from 0, for each."""
        if not len(self.users):
            return
        # All chunks have one shape: one trace, and no rounding that depends on how many users the last one holds. They
        # are filled evenly, so that hardly any row is padding.
        num_chunks = -(-len(self.users) // chunk_size)
        chunk_size = -(-len(self.users) // num_chunks)
        padded = np.append(self.users, np.full(-len(self.users) % chunk_size, self.users[-1], np.int32))
        score = prepare(padded)
        buffers = queue.SimpleQueue()  # scores and comparisons, a pair for each thread
        for _ in range(threads):
            buffers.put(
                (np.empty((chunk_size, self.num_items), np.float32), np.empty((chunk_size, self.num_items), bool))
            )

        def rank(start):
            buffer = buffers.get()
            try:
                self._rank(hits, places, score, start, *buffer, by_probability)
            finally:  # whoever waits for it must not wait forever
                buffers.put(buffer)
            return min(start + chunk_size, len(self.users))

        # Each thread works on a chunk of its own, so NumPy's own threads would only be in the way. Their limit is the
        # whole process's: of two who judge at once one would put back what the other had set, so they take turns.
        with (
            _TURN,
            threadpoolctl.threadpool_limits(1, "blas"),
            concurrent.futures.ThreadPoolExecutor(threads) as pool,
        ):
            try:
                for done in pool.map(rank, range(0, len(self.users), chunk_size)):
                    if progress:
                        progress(done)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _rank(self, hits, places, score, start, scores, compared, by_probability):
        """Scores and marks the users from `start` on that fit into `scores`."""
        score(start, start + len(scores), scores)
        if np.isnan(scores.min()):
            raise ValueError(
                f"The model's scores must be numbers. Received: {np.isnan(scores).sum()} NaN among {scores.size}: "
                "training has diverged. Train with a lower learning rate."
            )
        if by_probability:
            never = np.isneginf(scores)
            scipy.special.expit(scores, out=scores)
            scores[never] = -np.inf
        stop = min(start + len(scores), len(self.users))
        cells = self.seen_cells[self.seen_starts[start] : self.seen_starts[stop]] - start * self.num_items
        scores.reshape(-1)[cells] = -np.inf
        self._mark(hits, places, scores, compared, start, stop)

    def _mark(self, hits, places, scores, compared, start, stop):
        firsts = self.relevant.indptr[self.users[start:stop]]
        counts = self.counts[start:stop]
        for j in range(counts[0]):
            m = np.searchsorted(-counts, -j)  # users with more than j items to find
            items = self.relevant.indices[firsts[:m] + j]
            found = _places(scores[:m], items, compared[:m], hits.shape[1])
            places[firsts[:m] + j] = found
            listed = found < hits.shape[1]
            hits[self.rows[start : start + m][listed], found[listed]] = True


def _pairs_of(matrix):
    """Users and items of a CSR matrix's cells, int32, in its order."""
    users = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    return {schema.USER_ID: users, schema.ITEM_ID: matrix.indices.astype(np.int32, copy=False)}


def _keys_of(matrix):
    pairs = _pairs_of(matrix)
    return pairs[schema.USER_ID].astype(np.int64) * matrix.shape[1] + pairs[schema.ITEM_ID]


def _places(scores, items, compared, length):
    """Each row's place, from 0, of one item: how many score higher, or equal with a lower id.

    Args:
        scores: float `(m, num_items)`.
        items: int `(m,)`, one column for each row.
        compared: bool `(m, num_items)`, to work in.
        length: places that count; among ties, places from there on may be too small.

    Returns:
        Int `(m,)`; `num_items` where the item's own score is -inf.
    """
    own = scores[np.arange(len(items)), items][:, None]
    places = _count(np.greater(scores, own, out=compared))
    places[np.isneginf(own[:, 0])] = scores.shape[1]
    near = np.flatnonzero(places < length)
    ties = np.equal(scores[near], own[near])
    tied = np.flatnonzero(_count(ties) > 1)
    if len(tied):
        lower = np.arange(scores.shape[1]) < items[near[tied], None]
        places[near[tied]] += _count(ties[tied] & lower)
    return places


def _count(true):
    """How many are true in each row; `np.count_nonzero` by rows takes twice as long."""
    return true.view(np.uint8).sum(axis=1, dtype=np.int32)


def _num_threads():
    """As many as TensorFlow computes with."""
    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()


def _check_model(model, split):
    if not isinstance(model, keras.Model) and not hasattr(model, "score_all_items"):
        raise TypeError(
            "`model` must be a keras.Model from {'user_id', 'item_id'} to logits, or have `score_all_items(user_ids)`. "
            f"Received: model={model!r} of type {type(model).__name__}."
        )
    for size in ("num_users", "num_items"):
        expected = getattr(split, size)
        if getattr(model, size, expected) != expected:
            raise ValueError(
                f"`model` must have the split's `{size}`, {expected}. Received: model.{size}={getattr(model, size)}. "
                "Give the split that the model was trained on."
            )


def _products(model, users):
    """Scores of a factorized model: every vector is computed once, so a chunk is one matrix product.

    Returns:
        A function from the bounds of a slice of `users` and an array `(stop - start, num_items)`, which it fills.
    """
    table = _float32(model.candidate_embedding(np.arange(model.num_items, dtype=np.int32))).T.copy()
    parts = [users[start : start + CHUNK_VECTORS] for start in range(0, len(users), CHUNK_VECTORS)]
    queries = np.concatenate([_float32(model.query_embedding(part)) for part in parts])
    return lambda start, stop, out: np.matmul(queries[start:stop], table, out=out)


def _combined(combine, prepares, users):
    """Scores of a model that makes them of its members', each of which is asked in its own fastest way."""
    fills = [prepare(users) for prepare in prepares]

    def fill(start, stop, out):
        scores = [np.empty_like(out) for _ in fills]
        for fill_member, of_member in zip(fills, scores, strict=True):
            fill_member(start, stop, of_member)
        np.copyto(out, combine(*scores))

    return fill


def _float32(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def _rows(score, users):
    """Scores of whatever answers for whole rows, as such a function."""

    def fill(start, stop, out):
        received = np.asarray(score(users[start:stop]))
        if received.shape != out.shape:
            raise ValueError(
                f"The model's scores must be of shape (batch, num_items), {out.shape}. "
                f"Received: shape {received.shape}."
            )
        np.copyto(out, received)

    return fill
