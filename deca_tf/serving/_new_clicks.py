"""New clicks in the ids of a version that they are to refresh."""

import functools

import numpy as np
import scipy.sparse

from deca_tf.data.decay import SECONDS_PER_DAY


class NewClicks:
    """The distinct pairs of new clicks, as far as the version knows their ids.

    Args:
        stored: `StoredVariables` of the version.
        clicks: `Interactions`, with ids of their own.
        newest: time of the newest click that the version has learned from, seconds; or None.

    Attributes:
        num_rows: clicks of users and items that the version knows.
        unknown: `{"user": how many ids it does not know, "item": likewise}`.
        users, items: of the distinct pairs, int64 `(m,)`.
        newest: time of the newest click of all, old and new; None without times.
        is_new: whether a pair had not been seen before, bool `(m,)`.
        seen: all pairs seen by now, SciPy CSR `(num_users + 1, num_items)` of ones.
    """

    def __init__(self, stored, clicks, newest=None):
        ids, sizes, self.unknown = {}, {}, {}
        for kind in ("user", "item"):
            names = stored[f"{kind}s._raw_ids"].tolist()
            places = {name: place for place, name in enumerate(names)}
            raw = [str(each).encode() for each in getattr(clicks, f"raw_{kind}_ids").tolist()]
            own = np.array([places.get(each, -1) for each in raw], np.int64)
            given = getattr(clicks, f"{kind}_id")
            ids[kind], sizes[kind] = own[given], len(names)
            self.unknown[kind] = len(np.unique(given[ids[kind] < 0]))
        rows = np.flatnonzero((ids["user"] >= 0) & (ids["item"] >= 0))
        self.num_rows = len(rows)
        self.shape = sizes["user"] + 1, sizes["item"]  # the last row is for strangers
        times = np.zeros(len(clicks)) if clicks.timestamp is None else clicks.timestamp
        rows = rows[np.argsort(times[rows], kind="stable")[::-1]]  # of a repeated pair the latest
        _, first = np.unique(
            ids["user"][rows] * self.shape[1] + ids["item"][rows], return_index=True
        )
        kept = rows[first]
        self.users, self.items = ids["user"][kept], ids["item"][kept]
        self._times = None if clicks.timestamp is None else clicks.timestamp[kept]
        self._before = newest
        times = [] if self._times is None else [int(self._times.max(initial=0))]
        self.newest = max([each for each in (newest, *times) if each is not None], default=None)
        before = _csr(stored["seen_items"], stored["seen_splits"], self.shape)
        self.is_new = ~_holds(before, self.users, self.items)
        self.seen = self.matrix(np.ones(len(kept)), before)

    def values(self, half_life):
        """What each pair counts by its age: 1 without a half-life, in days; float64 `(m,)`."""
        if half_life is None:
            return np.ones(len(self.users))
        self._check_times(half_life)
        return np.exp2(-(self.newest - self._times) / (SECONDS_PER_DAY * half_life))

    def aged(self, half_life):
        """What is left of the value of everything that was there before, by a half-life in days."""
        if half_life is None:
            return 1.0
        self._check_times(half_life)
        return float(np.exp2(-(self.newest - self._before) / (SECONDS_PER_DAY * half_life)))

    def counts(self, half_life=None):
        """What the pairs that are new add to each item's popularity, float64 `(num_items,)`."""
        values = np.where(self.is_new, self.values(half_life), 0.0)
        return np.bincount(self.items, values, minlength=self.shape[1])

    @functools.cached_property
    def touched(self):
        """Users with any of the pairs, ascending."""
        return np.unique(self.users)

    def matrix(self, values, before):
        """An older matrix and the pairs' values; where both have a pair, the larger counts.

        Returns:
            SciPy CSR of the older one's shape, its columns sorted.
        """
        added = scipy.sparse.csr_array((values, (self.users, self.items)), shape=self.shape)
        both = scipy.sparse.csr_array(before.maximum(added.astype(before.dtype)))
        both.sort_indices()
        return both

    def _check_times(self, half_life):
        if self._times is None or self._before is None:
            raise ValueError(
                "New clicks must have timestamps where the version lets clicks count by their age. "
                f"Received: clicks without, and a half-life of {half_life:g} days. Read their "
                "column of times (`--timestamp-column`)."
            )


def _csr(columns, splits, shape):
    return scipy.sparse.csr_array((np.ones(len(columns), np.float32), columns, splits), shape)


def _holds(matrix, rows, columns):
    """Whether a matrix has each of some cells, bool `(n,)`."""
    if not len(rows):
        return np.zeros(0, bool)
    return np.asarray(matrix[rows, columns]).ravel() > 0
