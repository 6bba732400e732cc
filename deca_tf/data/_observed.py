"""Which items each user has been observed with, in four bytes a pair."""

import numpy as np
import scipy.sparse

from deca_tf.data import schema

CHUNK_PAIRS = 1 << 22  # sorted at once


class ObservedPairs:
    """The distinct pairs of a table, user by user, the items of each in rising order.

    Args:
        first: int64 `(num_users + 1,)`: the items of user u lie at `first[u]:first[u + 1]`.
        items: int32 `(n,)`.
        num_items: size of the item id space.
    """

    def __init__(self, first, items, num_items):
        self.first, self.items, self.num_items = first, items, num_items

    @classmethod
    def of_keys(cls, keys, num_users, num_items):
        """From `pair_key` of a table, int64 `(n,)`; repeated pairs count once."""
        keys = np.sort(keys)
        keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
        users, items = np.divmod(keys, num_items)
        return cls(
            _firsts(np.bincount(users, minlength=num_users)), items.astype(np.int32), num_items
        )

    @classmethod
    def of_stream(cls, blocks, num_users, num_items):
        """From a table that is read twice, to count and to fill, and never held otherwise.

        Args:
            blocks: function without arguments that begins to read: an iterator of `{"user_id",
                "item_id"}`, int32 `(rows,)`, ids within their spaces.
            num_users, num_items: sizes of the id spaces.

        Raises:
            ValueError: a pair comes twice.
        """
        degree = np.zeros(num_users, np.int64)
        for block in blocks():
            degree += np.bincount(block[schema.USER_ID], minlength=num_users)
        first = _firsts(degree)
        items = np.empty(first[-1], np.int32)
        free = first[:-1].copy()  # where the next item of each user goes
        for block in blocks():
            order = np.argsort(block[schema.USER_ID], kind="stable")
            users, start, count = np.unique(
                block[schema.USER_ID][order], return_index=True, return_counts=True
            )
            position = np.repeat(free[users] - start, count) + np.arange(len(order))
            items[position] = block[schema.ITEM_ID][order]
            free[users] += count
        for begin, end in _runs_of_users(first):  # sorted where they lie
            part = items[first[begin] : first[end]]
            keys = np.repeat(np.arange(end - begin), degree[begin:end]) * num_items + part
            keys.sort()
            again = np.count_nonzero(keys[1:] == keys[:-1])
            if again:
                raise ValueError(
                    "A pair must come once in what is streamed, so that it can be told from "
                    "others. Received: pairs "
                    f"that come again, {again:,} of them among users {begin} to {end - 1}. Merge "
                    "them before the "
                    "shards are written (`interactions.distinct()`), or read the shards into "
                    "memory."
                )
            part[:] = keys % num_items
        return cls(first, items, num_items)

    def __len__(self):
        return len(self.items)

    @property
    def num_users(self):
        return len(self.first) - 1

    @property
    def degree(self):
        """How many items each user has, int64 `(num_users,)`."""
        return np.diff(self.first)

    def users(self):
        """The user of each pair, int32 `(n,)`."""
        return np.repeat(np.arange(self.num_users, dtype=np.int32), self.degree)

    def sorted_keys(self):
        """`pair_key` of all pairs, rising, in parts: iterator of int64 `(m,)`."""
        for begin, end in _runs_of_users(self.first):
            users = np.repeat(np.arange(begin, end), np.diff(self.first[begin : end + 1]))
            yield users * self.num_items + self.items[self.first[begin] : self.first[end]]

    def gaps(self, starts=None, weight=None):
        """How much is left to each user before each of the user's items, where items have lengths.

        Args:
            starts: of the items, laid end to end, int64 `(num_items,)`; None: each is one long.
            weight: their lengths, int64 `(num_items,)`.

        Returns:
            `(gaps, whole)`: for each pair (start of its item) - (length of the user's items before
            it), int32 where that is enough, else int64, `(n,)`; the length of all of a user's
            items, int64 `(num_users,)`.
        """
        if starts is None:
            starts, weight = np.arange(self.num_items), np.ones(self.num_items, np.int64)
        is_small = starts[-1] + weight[-1] < 2**31
        gaps, whole = (
            np.empty(len(self), np.int32 if is_small else np.int64),
            np.zeros(self.num_users, np.int64),
        )
        for begin, end in _runs_of_users(self.first):
            part = slice(self.first[begin], self.first[end])
            first = self.first[begin : end + 1] - self.first[begin]
            sums = np.append(0, np.cumsum(weight[self.items[part]]))
            gaps[part] = (
                starts[self.items[part]] - sums[:-1] + np.repeat(sums[first[:-1]], np.diff(first))
            )
            whole[begin:end] = np.diff(sums[first])
        return gaps, whole

    def to_csr(self):
        """A float32 SciPy matrix of ones `(num_users, num_items)`, over the same items."""
        index = np.int32 if len(self) < 2**31 else np.int64
        ones, shape = np.ones(len(self), np.float32), (self.num_users, self.num_items)
        matrix = scipy.sparse.csr_array((ones, self.items, self.first.astype(index)), shape=shape)
        matrix.has_canonical_format = True
        return matrix


def _firsts(degree):
    return np.append(0, np.cumsum(degree, dtype=np.int64))


def _runs_of_users(first):
    """Bounds `(begin, end)` of runs of users who have about `CHUNK_PAIRS` pairs together."""
    begin, num_users = 0, len(first) - 1
    while begin < num_users:
        end = max(
            begin + 1, int(np.searchsorted(first, first[begin] + CHUNK_PAIRS, side="right")) - 1
        )
        yield begin, min(end, num_users)
        begin = end
