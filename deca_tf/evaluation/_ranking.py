"""Ranks of the relevant items among all items of a user."""

import concurrent.futures
import queue
import threading

import numpy as np
import scipy.special
import threadpoolctl

_TURN = threading.Lock()


class Ranking:
    """Finds the ranks of the relevant items of some users, by counting what scores higher.

    Counting costs two passes over a user's scores for each relevant item. That is far less than
    selecting the best ones, since most users have few, and the order of ties is a formula and not a
    sorting routine's habit.

    Args:
        users: all users that are evaluated, int `(all,)`.
        rows: which of them are ranked here, int `(n,)`.
        seen: SciPy CSR `(num_users, num_items)` of pairs to leave out.
        relevant: SciPy CSR of the pairs to find; those that are in `seen` too have no rank.
    """

    def __init__(self, users, rows, seen, relevant):
        counts = np.diff(relevant.indptr)[users[rows]]
        # Stable, so that those with more than j items to find come first.
        order = np.argsort(-counts, kind="stable")
        self.rows = rows[order]
        self.users = users[self.rows].astype(np.int32)
        self.counts = counts[order]
        self.relevant = relevant
        self.num_items = seen.shape[1]
        chosen = seen[self.users]
        self.seen_starts = chosen.indptr
        self.seen_cells = (
            np.repeat(np.arange(len(rows)), np.diff(chosen.indptr)) * self.num_items
            + chosen.indices
        )

    def fill(
        self, hits, ranks, prepare, chunk_size, progress=None, by_probability=False, threads=1
    ):
        """Writes where the relevant items come.

        Args:
            hits: bool `(all, length)`, set to true at the ranks of relevant items.
            ranks: int `(relevant pairs,)`, gets the rank of each, from 0.
            prepare: as `scorer` returns it.
            chunk_size: users at once.
            progress: called with the number of users done, or None.
            by_probability: ranks by the sigmoid of the scores, in float32.
            threads: chunks at once.
        """
        if not len(self.users):
            return
        # All chunks have one shape: one trace, and no rounding that depends on how many users the
        # last one holds. They are filled evenly, so that hardly any row is padding.
        num_chunks = -(-len(self.users) // chunk_size)
        chunk_size = -(-len(self.users) // num_chunks)
        padded = np.append(
            self.users, np.full(-len(self.users) % chunk_size, self.users[-1], np.int32)
        )
        score = prepare(padded)
        buffers = queue.SimpleQueue()  # scores and comparisons, a pair for each thread
        for _ in range(threads):
            buffers.put(
                (
                    np.empty((chunk_size, self.num_items), np.float32),
                    np.empty((chunk_size, self.num_items), bool),
                )
            )

        def rank(start):
            buffer = buffers.get()
            try:
                self._rank(hits, ranks, score, start, *buffer, by_probability)
            finally:  # whoever waits for it must not wait forever
                buffers.put(buffer)
            return min(start + chunk_size, len(self.users))

        # Each thread works on a chunk of its own, so NumPy's own threads would only be in the way.
        # Their limit is the whole process's: of two evaluations at once one would put back what the
        # other had set, so they take turns.
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

    def _rank(self, hits, ranks, score, start, scores, compared, by_probability):
        """Scores and marks the users from `start` on that fit into `scores`."""
        score(start, start + len(scores), scores)
        if np.isnan(scores.min()):
            raise ValueError(
                f"The model's scores must be numbers. Received: {np.isnan(scores).sum()} NaN among "
                f"{scores.size}: "
                "training has diverged. Train with a lower learning rate."
            )
        if by_probability:
            never = np.isneginf(scores)
            scipy.special.expit(scores, out=scores)
            scores[never] = -np.inf
        stop = min(start + len(scores), len(self.users))
        cells = (
            self.seen_cells[self.seen_starts[start] : self.seen_starts[stop]]
            - start * self.num_items
        )
        scores.reshape(-1)[cells] = -np.inf
        self._mark(hits, ranks, scores, compared, start, stop)

    def _mark(self, hits, ranks, scores, compared, start, stop):
        firsts = self.relevant.indptr[self.users[start:stop]]
        counts = self.counts[start:stop]
        for j in range(counts[0]):
            m = np.searchsorted(-counts, -j)  # users with more than j items to find
            items = self.relevant.indices[firsts[:m] + j]
            found = _ranks(scores[:m], items, compared[:m], hits.shape[1])
            ranks[firsts[:m] + j] = found
            listed = found < hits.shape[1]
            hits[self.rows[start : start + m][listed], found[listed]] = True


def _ranks(scores, items, compared, length):
    """The rank, from 0, of one item in each row: how many score higher, or equal with a lower id.

    Args:
        scores: float `(m, num_items)`.
        items: int `(m,)`, one column for each row.
        compared: bool `(m, num_items)`, to work in.
        length: ranks that count; among ties, ranks from there on may be too small.

    Returns:
        Int `(m,)`; `num_items` where the item's own score is -inf.
    """
    own = scores[np.arange(len(items)), items][:, None]
    ranks = _count(np.greater(scores, own, out=compared))
    ranks[np.isneginf(own[:, 0])] = scores.shape[1]
    near = np.flatnonzero(ranks < length)
    ties = np.equal(scores[near], own[near])
    tied = np.flatnonzero(_count(ties) > 1)
    if len(tied):
        lower = np.arange(scores.shape[1]) < items[near[tied], None]
        ranks[near[tied]] += _count(ties[tied] & lower)
    return ranks


def _count(true):
    """How many are true in each row; `np.count_nonzero` by rows takes twice as long."""
    return true.view(np.uint8).sum(axis=1, dtype=np.int32)
