"""A split whose train stays in its shards."""

from __future__ import annotations

import functools
import os
from typing import cast

import numpy as np
import scipy.sparse

from deca_tf._checks import check_choice
from deca_tf.data import schema
from deca_tf.data._observed import ObservedPairs
from deca_tf.data.interactions import Interactions
from deca_tf.data.shards import open_shards
from deca_tf.data.splits import LeakReport, Split


def stream_shards(folder: str | os.PathLike[str]) -> StreamedSplit:
    """A folder of shards of which validation and test are read into memory, and train is not.

    Args:
        folder: as for `deca_tf.data.read_shards`.

    Returns:
        A `Split` for `deca_tf.data.streamed_batches` and for all else that takes one.

    Raises:
        FileNotFoundError, ValueError: as `deca_tf.data.read_shards`; also a pair that comes twice
            in train, and weights, which streams do not carry.

    Stability: provisional.
    """
    shards = open_shards(folder)
    if schema.WEIGHT in shards.columns("train"):
        raise ValueError(
            "Shards that are streamed must hold no weights, which streams do not carry. Received: "
            f"a column `weight` in Split-train of {str(shards.path)!r}. Read them into memory "
            "(stream=False)."
        )
    raw_ids = {
        "raw_user_ids": shards.raw_ids(schema.USER_ID),
        "raw_item_ids": shards.raw_ids(schema.ITEM_ID),
    }
    train = StreamedInteractions(shards, **raw_ids)
    validation, test = (
        Interactions(**shards.read(part), **raw_ids) for part in ("validation", "test")
    )
    train_validation, train_test = (
        int(np.count_nonzero(train.holds(np.unique(rows.pair_key)))) for rows in (validation, test)
    )
    validation_test = len(np.intersect1d(validation.pair_key, test.pair_key))
    return StreamedSplit(
        cast(Interactions, train),  # it has all that is asked of them
        validation,
        test,
        protocol=shards.protocol,
        name=shards.name,
        leaks=LeakReport(train_validation, train_test, validation_test),
    )


class StreamedSplit(Split):
    """A `Split` that puts what was seen together without a list of its pairs."""

    def seen(self):
        """The distinct pairs of train and validation: an object that has `to_csr()`."""
        return _Union(self.train, self.validation)


class StreamedInteractions:
    """Interactions that stay in their files.

    Their distinct pairs are held once, in four bytes each.

    It can do what `Interactions` can do without rows. Who asks for `user_id`, `item_id` or
    `pair_key` gets them by user, from memory made for the purpose; the other columns stay unread.

    Args:
        shards: `Shards`.
        raw_user_ids, raw_item_ids: as those of `Interactions`.
        part: of the shards.
    """

    rating = dwell = timestamp = is_noisy = weight = None
    num_merged = 0

    def __init__(self, shards, raw_user_ids, raw_item_ids, part="train"):
        self.shards, self.part = shards, part
        self.raw_user_ids, self.raw_item_ids = raw_user_ids, raw_item_ids

    def __len__(self):
        return self.shards.rows[self.part]

    @property
    def num_users(self):
        return self.shards.num_users

    @property
    def num_items(self):
        return self.shards.num_items

    @property
    def files(self):
        """Their paths, in order."""
        return self.shards.files(self.part)

    def observed(self):
        """The pairs by user, `ObservedPairs`.

        The files are read, twice, when this is first asked for.
        """
        return self._observed

    @functools.cached_property
    def _observed(self):
        ids = (schema.USER_ID, schema.ITEM_ID)
        return ObservedPairs.of_stream(
            lambda: self.shards.blocks(self.part, ids), self.num_users, self.num_items
        )

    def holds(self, keys):
        """Which of some pairs are among these, bool `(n,)`.

        Their `pair_key`s, rising, int64 `(n,)`.
        """
        found = np.zeros(len(keys), bool)
        for part in self._observed.sorted_keys():
            begin, end = np.searchsorted(keys, (part[0], part[-1] + 1)) if len(part) else (0, 0)
            asked = keys[begin:end]
            found[begin:end] = (
                part[np.minimum(np.searchsorted(part, asked), len(part) - 1)] == asked
            )
        return found

    def sorted_pair_keys(self):
        """`pair_key` in rising order, in parts."""
        return self._observed.sorted_keys()

    def user_activity(self):
        """How many rows each user has, int64 `(num_users,)`."""
        return self._observed.degree

    def item_popularity(self):
        """How many rows each item has, int64 `(num_items,)`."""
        return np.bincount(self._observed.items, minlength=self.num_items)

    def users_without_negatives(self):
        """Users who touched every item, int64 `(m,)`."""
        return np.flatnonzero(self.user_activity() == self.num_items)

    def to_csr(self):
        """The pairs as a float32 SciPy matrix `(num_users, num_items)`."""
        return self._observed.to_csr()

    @property
    def user_id(self):
        return self._observed.users()

    @property
    def item_id(self):
        return self._observed.items

    @property
    def pair_key(self):
        return np.concatenate(list(self._observed.sorted_keys()))

    def distinct(self, repeats=schema.FIRST):
        """Itself: no pair comes twice."""
        check_choice("repeats", repeats, schema.REPEATS[:2])
        return self

    def take(self, rows):
        """Some rows, in memory: `Interactions`."""
        return self._in_memory().take(rows)

    def followed_by(self, other):
        """Refused: more rows would have to be held in memory."""
        raise ValueError(
            "A refit on train and validation requires train in memory. Received: shards that are "
            "streamed. Read them into memory (stream=False), or set `training.refit=False`."
        )

    def _in_memory(self):
        return Interactions(self.user_id, self.item_id, self.raw_user_ids, self.raw_item_ids)


class _Union:
    """The distinct pairs of several parts."""

    def __init__(self, *parts):
        self.parts = parts

    def to_csr(self):
        first, second = (part.to_csr() for part in self.parts)
        both = scipy.sparse.csr_array(first + second)
        both.data[:] = 1.0
        return both
