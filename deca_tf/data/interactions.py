"""Interactions: who touched what, in dense ids, with the users' own ids kept beside."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import scipy.sparse

from deca_tf._checks import check_choice
from deca_tf.data import schema
from deca_tf.data._observed import ObservedPairs
from deca_tf.data.decay import decay

_OPTIONAL_TYPES = {
    schema.RATING: np.float32,
    schema.DWELL: np.float32,
    schema.TIMESTAMP: np.int64,
    schema.IS_NOISY: np.bool_,
    schema.WEIGHT: np.float32,
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """A table of observed (user, item) pairs over fixed id spaces.

    Each column is kept in the type named here.

    Args:
        user_id: int32 `(n,)`, in `[0, num_users)`.
        item_id: int32 `(n,)`, in `[0, num_items)`.
        raw_user_ids: `(num_users,)`, strings or int64: position u holds the user's own id.
        raw_item_ids: `(num_items,)`, likewise.
        rating: float32 `(n,)` in stars, or None. Like `dwell` it only ever builds a clean test.
        dwell: float32 `(n,)` in seconds, or None.
        timestamp: int64 `(n,)` in seconds since 1970, or None.
        is_noisy: bool `(n,)`, the truth about each pair where it is known, or None.
        num_merged: how many repeated pairs were merged on reading.
        weight: float32 `(n,)`, at least 0, or None, which is 1 for each. In training it multiplies
            the click's loss; models in closed form say what it is to them. Rankings and counts do
            not look at it.

    Raises:
        TypeError: ids that are no integers, or an optional column that holds no numbers.
        ValueError: columns of different length or not flat, an id outside its space, a number that
            is not finite, or a weight below 0.

    Stability: stable.
    """

    user_id: np.ndarray
    item_id: np.ndarray
    raw_user_ids: np.ndarray
    raw_item_ids: np.ndarray
    rating: np.ndarray | None = None
    dwell: np.ndarray | None = None
    timestamp: np.ndarray | None = None
    is_noisy: np.ndarray | None = None
    num_merged: int = 0
    weight: np.ndarray | None = None

    def __post_init__(self):
        for name in ("raw_user_ids", "raw_item_ids"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        for name, size in ((schema.USER_ID, self.num_users), (schema.ITEM_ID, self.num_items)):
            object.__setattr__(self, name, _ids(name, getattr(self, name), size))
        for name, dtype in _OPTIONAL_TYPES.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _numbers(name, getattr(self, name), dtype))
        if self.weight is not None and (self.weight < 0).any():
            bad = int(np.argmax(self.weight < 0))
            raise ValueError(
                f"`weight` must be at least 0. Received: {self.weight[bad]:g} in row {bad}. Drop such "
                "rows, or let them weigh 0."
            )
        for name in schema.COLUMNS[1:]:
            column = getattr(self, name)
            if column is not None and column.shape != self.user_id.shape:
                raise ValueError(
                    f"`{name}` must be as long as `user_id`. Received: {len(column)} and "
                    f"{len(self.user_id)} values."
                )

    def __repr__(self):
        optional = [name for name in _OPTIONAL_TYPES if getattr(self, name) is not None]
        return (
            f"Interactions: {len(self):,} pairs of {self.num_users:,} users and "
            f"{self.num_items:,} items{', with ' if optional else ''}{', '.join(optional)}"
        )

    def __len__(self):
        return len(self.user_id)

    @property
    def num_users(self) -> int:
        """Size of the user id space."""
        return len(self.raw_user_ids)

    @property
    def num_items(self) -> int:
        """Size of the item id space."""
        return len(self.raw_item_ids)

    @property
    def pair_key(self) -> np.ndarray:
        """One int64 per row that is equal exactly for equal pairs, `(n,)`."""
        return self.user_id.astype(np.int64) * self.num_items + self.item_id

    def sorted_pair_keys(self) -> Iterable[np.ndarray]:
        """`pair_key` in rising order, in parts: iterable of int64 arrays."""
        return (np.sort(self.pair_key),)

    def take(self, rows: Any) -> Self:
        """The rows given by indices or a boolean mask, over the same id spaces."""
        taken = {
            name: getattr(self, name)[rows]
            for name in schema.COLUMNS
            if getattr(self, name) is not None
        }
        return dataclasses.replace(self, **taken, num_merged=0)

    def distinct(self, repeats: str = schema.FIRST) -> Self:
        """Each pair once: one of its rows is kept whole, the rest is counted.

        The order of the rows that stay does not change.

        Args:
            repeats: which row is kept, by timestamp, else by position, and what it weighs. 'first'
                and 'last': the pair's earliest or latest row, with its own weight. 'sum': the
                earliest, with the sum of the pair's weights, where a row without weight counts 1.
                'count': the earliest, with the number of the pair's rows as its weight.

        Returns:
            `Interactions` whose `num_merged` counts the rows taken out, earlier merges included.

        Raises:
            ValueError: another `repeats`, or 'count' where there are weights, which would be lost.
        """
        check_choice("repeats", repeats, schema.REPEATS)
        if repeats == schema.COUNT and self.weight is not None:
            raise ValueError(
                "`repeats` must not be 'count' where there are weights, which it would replace by "
                "the number of rows. Received: repeats='count' and a weight for each row. Use "
                "'sum', or leave the weights out."
            )
        by_time = (
            np.arange(len(self))
            if self.timestamp is None
            else np.argsort(self.timestamp, kind="stable")
        )
        if repeats == schema.LAST:
            by_time = by_time[::-1]
        keys = self.pair_key[by_time]
        distinct_keys, first = np.unique(keys, return_index=True)
        kept = by_time[first]
        order = np.argsort(kept)
        merged = self.take(kept[order])
        if repeats in (schema.SUM, schema.COUNT):
            weight = None if self.weight is None else self.weight[by_time]
            summed = np.bincount(np.searchsorted(distinct_keys, keys), weight)
            merged = dataclasses.replace(merged, weight=summed[order])
        return dataclasses.replace(merged, num_merged=self.num_merged + len(self) - len(first))

    def followed_by(self, other: Self) -> Self:
        """These rows and then those of others over the same id spaces, all of them kept.

        A column stays where both have it; a weight that one lacks is 1.
        """
        columns: dict[str, Any] = {}
        for name in schema.COLUMNS:
            both = [getattr(part, name) for part in (self, other)]
            if name == schema.WEIGHT and any(column is not None for column in both):
                both = [
                    np.ones(len(part), np.float32) if column is None else column
                    for part, column in zip((self, other), both, strict=True)
                ]
            has_all = all(column is not None for column in both)
            columns[name] = np.concatenate(both) if has_all else None
        return dataclasses.replace(self, **columns, num_merged=0)

    def decayed(self, half_life_days: float) -> Self:
        """The same rows, the older the lighter: a weight halves with each half-life of age.

        Formula: `weight * 2^(-age / half_life_days)`, the age in days before the newest of these
        clicks; a click without weight weighs 1.

        Args:
            half_life_days: above 0.

        Returns:
            `Interactions` with weights.

        Raises:
            ValueError: no timestamps, or a half-life that is not above 0.

        Example:
            >>> clicks = deca_tf.data.synthetic(60, 40, num_clicks=600)
            >>> float(clicks.decayed(7).weight[clicks.timestamp.argmax()])
            1.0

        Stability: provisional.
        """
        weight = decay(self, half_life_days)
        return dataclasses.replace(
            self, weight=weight if self.weight is None else weight * self.weight
        )

    def users_without_negatives(self) -> np.ndarray:
        """Users who touched every item, int64 `(m,)`.

        No item is left to sample for them.
        """
        busy = np.flatnonzero(self.user_activity() >= self.num_items)
        if not len(busy):
            return busy
        touched = np.unique(self.pair_key[np.isin(self.user_id, busy)]) // self.num_items
        return np.flatnonzero(np.bincount(touched, minlength=self.num_users) == self.num_items)

    def item_popularity(self) -> np.ndarray:
        """How many rows each item has, int64 `(num_items,)`."""
        return np.bincount(self.item_id, minlength=self.num_items)

    def user_activity(self) -> np.ndarray:
        """How many rows each user has, int64 `(num_users,)`."""
        return np.bincount(self.user_id, minlength=self.num_users)

    def observed(self) -> ObservedPairs:
        """The distinct pairs by user: `ObservedPairs`."""
        return ObservedPairs.of_keys(self.pair_key, self.num_users, self.num_items)

    def to_csr(self, values: np.ndarray | None = None) -> scipy.sparse.csr_array:
        """The pairs as a float32 SciPy matrix `(num_users, num_items)`.

        Args:
            values: `(n,)`, what the rows count; None: 1 each. A repeated pair counts once, with the
                largest of its values.
        """
        users, items = self.user_id, self.item_id
        data = np.ones(len(self), np.float32)
        if values is not None:
            data = np.asarray(values, np.float32)
        shape = (self.num_users, self.num_items)
        matrix = scipy.sparse.csr_array((data, (users, items)), shape=shape)
        matrix.sum_duplicates()
        if values is None:
            matrix.data[:] = 1.0
        elif matrix.nnz < len(self):
            keys = self.pair_key
            order = np.lexsort((data, keys))
            last = order[np.append(keys[order[1:]] != keys[order[:-1]], True)]
            matrix = scipy.sparse.csr_array((data[last], (users[last], items[last])), shape=shape)
        return matrix


def _flat(name, values):
    column = np.asarray(values)
    if column.ndim != 1:
        raise ValueError(
            f"`{name}` must be flat, of shape (n,). Received: an array of shape {column.shape}."
        )
    return column


def _ids(name, values, size):
    """A column of dense ids, int32 `(n,)`."""
    ids = _flat(name, values)
    if len(ids) and ids.dtype.kind not in "iu":
        raise TypeError(
            f"`{name}` must hold integers, positions in `raw_{name}s`. Received: values of type "
            f"{ids.dtype}. Read a "
            "table of other ids by `deca_tf.data.load`."
        )
    if len(ids) and not (ids.min() >= 0 and ids.max() < size):
        raise ValueError(
            f"`{name}` must be in [0, {size}), the size of its id space. Received: values from "
            f"{ids.min()} to "
            f"{ids.max()}."
        )
    return ids.astype(np.int32, copy=False)


def _numbers(name, values, dtype):
    """A column of finite numbers or booleans, `(n,)`."""
    column = _flat(name, values)
    if column.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` must hold numbers. Received: values of type {column.dtype}.")
    bad = np.flatnonzero(~np.isfinite(column)) if column.dtype.kind == "f" else ()
    if len(bad):
        raise ValueError(
            f"`{name}` must hold finite numbers. Received: {len(bad)} that are not, the first in "
            f"row {bad[0]}. Drop "
            f"those rows, or leave `{name}` out."
        )
    return column.astype(dtype, copy=False)
