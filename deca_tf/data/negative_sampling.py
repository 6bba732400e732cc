"""Negatives: items drawn for a user, from the whole catalogue or from what the user never touched.

All samplers run inside a graph, one draw for a whole batch, and are pure functions of `(seed,
step)`.
"""

import math

import numpy as np
import tensorflow as tf

from deca_tf._registry import Registry
from deca_tf.data._host import on_host

NEGATIVES = Registry(
    "negatives",
    {
        "popularity": "deca_tf.data.negative_sampling:PopularNegatives",
        "uniform": "deca_tf.data.negative_sampling:UniformNegatives",
        "unobserved": "deca_tf.data.negative_sampling:UnobservedNegatives",
    },
)

MOST_LISTED = 2**22  # cells that `UnobservedCells` lists, in four bytes each


class UniformNegatives:
    """Draws from all items alike, observed or not: what the paper's released code does.

    On dense data some negatives are then positives (one in ten on MovieLens-100k).

    Args:
        observed: `Interactions`, whose id space it draws from.
        seed: integer.
    """

    def __init__(self, observed, seed=0):
        self.num_items = observed.num_items
        self.seed = seed

    def __call__(self, user_ids, count, step):
        """Draws `count` negatives for each user.

        Args:
            user_ids: int32 tensor `(batch,)`, its length known statically.
            count: Python integer, at least 1.
            step: int64 scalar tensor; each step draws anew.

        Returns:
            int32 tensor `(batch, count)` of item ids.
        """
        shape = (user_ids.shape[0], count)
        return tf.random.stateless_uniform(
            shape, _seed(self.seed, step), 0, self.num_items, tf.int32
        )


class UnobservedNegatives:
    """Draws from the items that a user has not been observed with: here, uniformly.

    There is no rejection loop to hang. Line up the items, each as long as its weight. Of a user
    whose sorted items a_0 < a_1 < ... are cut out, the point at length r of what is left lies at r
    + (length of the a_j before it) of the whole, and a_j is before it if (start of a_j) - (length
    of the a's before a_j) <= r. These differences rise within a user, so one binary search among
    the user's items counts them and, where lengths differ, a second one finds the item at the
    point. The pairs are kept once, in four bytes each.

    Args:
        observed: `Interactions` to keep out, or what has their `observed()`.
        seed: integer.

    Raises:
        ValueError: a user has been observed with every item that can be drawn.
    """

    def __init__(self, observed, seed=0):
        self.seed = seed
        self.num_items = observed.num_items
        pairs = observed.observed()
        gaps, left, num_drawn = self._prepare(observed, pairs)
        _refuse_full_users(observed, left, num_drawn)
        self._search_steps = int(pairs.degree.max(initial=0)).bit_length()
        # One in front, so that the last pair of a user lies where the first of the next one begins.
        gaps = np.append(np.zeros(1, gaps.dtype), gaps)
        first = pairs.first.astype(
            np.int32 if len(pairs) < 2**31 - 2**self._search_steps else np.int64
        )
        self._gaps, self._left, self._first = map(on_host, (gaps, left, first))

    def _prepare(self, observed, pairs):
        """What is searched, and bounds.

        Returns:
            `(gaps, left, num_drawn)`: of each pair, (start of its item) - (length of the user's
            items before it), int32 or int64 `(n,)`; the length left to each user, int64
            `(num_users,)`; how many items can be drawn.
        """
        gaps, observed_of_user = pairs.gaps()
        return gaps, self.num_items - observed_of_user, self.num_items

    def __call__(self, user_ids, count, step):
        """As `UniformNegatives.__call__`."""
        shape = (user_ids.shape[0], count)
        users = tf.broadcast_to(user_ids[:, None], shape)
        return self._item_at(
            users, uniform_below(tf.gather(self._left, users), _seed(self.seed, step))
        )

    def in_cells_of(self, user_ids, count, step):
        """Draws uniformly among all unobserved (user, item) cells of the users of a batch.

        Args:
            user_ids: int32 tensor `(batch,)`, equal users in a row.
            count, step: as above.

        Returns:
            `(users, items)`, int32 tensors `(batch, count)`; a negative's user may be any user of
            the batch. They come in the order of the batch's users and of items: who looks up what
            they ask for goes through it once.
        """
        shape = (user_ids.shape[0], count)
        is_first = tf.concat([[True], user_ids[1:] != user_ids[:-1]], axis=0)
        distinct = tf.boolean_mask(user_ids, is_first)
        left = tf.gather(self._left, distinct)
        ends = tf.cumsum(left)
        point = tf.reshape(_sorted_below(ends[-1], shape[0] * count, _seed(self.seed, step)), shape)
        row = tf.reshape(tf.searchsorted(ends, tf.reshape(point, (-1,)), side="right"), shape)
        users = tf.gather(distinct, row)
        return users, self._item_at(users, point - tf.gather(ends - left, row))

    def _item_at(self, users, point):
        """The item at a point of what is left to a user; int32 and int64 tensors of one shape."""
        first, end = tf.gather(self._first, users), tf.gather(self._first, users + 1)
        point = tf.cast(point, self._gaps.dtype)
        pair = first
        for power in reversed(range(self._search_steps)):
            further = pair + 2**power
            gap = tf.gather(self._gaps, tf.minimum(further, end))
            pair = tf.where((further <= end) & (gap <= point), further, pair)
        return self._at(users, tf.cast(point, tf.int64), first, pair, end)

    def _at(self, users, point, first, pair, end):
        """The item at a point, between `pair - 1` and `pair` of the user's `first` to `end - 1`."""
        return tf.cast(point, tf.int32) + tf.cast(pair - first, tf.int32)  # all lengths are 1


class UnobservedCells:
    """Draws uniformly among all unobserved (user, item) cells of users with any observed pair.

    As `UnobservedNegatives.in_cells_of` of all these users, in the order of their ids: their rows
    are laid end to end, and what is observed is cut out of the whole. What is left is listed, if it
    is not too much, or else found by one binary search.

    Args:
        observed, seed: as of `UnobservedNegatives`.

    Raises:
        ValueError: a user has been observed with every item.
    """

    def __init__(self, observed, seed=0):
        self.seed = seed
        self.num_items = observed.num_items
        pairs = observed.observed()
        _refuse_full_users(observed, self.num_items - pairs.degree, self.num_items)
        users = np.flatnonzero(pairs.degree)
        cells = np.repeat(np.arange(len(users)), pairs.degree[users]) * self.num_items + pairs.items
        num_cells = len(users) * self.num_items
        self._num_left = num_cells - len(pairs)
        dtype = np.int32 if num_cells < 2**31 else np.int64
        self._users = on_host(users.astype(np.int32))
        self._is_listed = self._num_left <= MOST_LISTED
        if self._is_listed:
            self._cells = on_host(np.delete(np.arange(num_cells, dtype=dtype), cells))
        else:
            self._gaps = on_host((cells - np.arange(len(pairs))).astype(dtype))

    def __call__(self, shape, step):
        """Users and items, int32 tensors of a shape, a tuple; `step` as above."""
        point = _sorted_below(self._num_left, math.prod(shape), _seed(self.seed, step))
        if self._is_listed:
            cell = tf.gather(self._cells, point)
        else:
            point = tf.cast(point, self._gaps.dtype)
            cell = point + tf.searchsorted(self._gaps, point, side="right", out_type=point.dtype)
        row = cell // self.num_items
        item = tf.cast(cell - row * self.num_items, tf.int32)
        return tf.reshape(tf.gather(self._users, row), shape), tf.reshape(item, shape)


class PopularNegatives(UnobservedNegatives):
    """Draws from what a user has not been observed with, in proportion to items' interactions.

    What everybody knows and this user left alone was probably seen and not liked.

    Source: Gantner et al., "Personalized ranking for non-uniformly sampled items", 2012 (WBPR).
    """

    def _prepare(self, observed, pairs):
        weight = observed.item_popularity()
        ends = np.cumsum(weight)
        starts = ends - weight
        gaps, whole = pairs.gaps(starts, weight)
        items = np.append(pairs.items, np.int32(0))
        self._ends, self._starts, self._items, self._whole = map(
            on_host, (ends, starts, items, whole)
        )
        return gaps, ends[-1] - whole, np.count_nonzero(weight)

    def _at(self, users, point, first, pair, end):
        start_of_next = tf.gather(self._starts, tf.gather(self._items, pair))
        cut = start_of_next - tf.cast(tf.gather(self._gaps, tf.minimum(pair + 1, end)), tf.int64)
        position = point + tf.where(pair < end, cut, tf.gather(self._whole, users))
        found = tf.searchsorted(self._ends, tf.reshape(position, (-1,)), side="right")
        return tf.reshape(found, tf.shape(position))


def _refuse_full_users(observed, left, num_drawn):
    """Of users with nothing left to draw, of `num_drawn` items that can be."""
    full = np.flatnonzero(left <= 0)
    if len(full):
        raise ValueError(
            "Negatives without observed pairs require that every user has an unobserved item. "
            "Received: "
            f"{len(full)} users observed with all {num_drawn} items, the first "
            f"{observed.raw_user_ids[full[0]].item()!r}. Leave those users out, or set "
            "`exclude_observed=False`."
        )


def uniform_below(bound, seed):
    """Random integers in `[0, bound)`, int64, of the shape of `bound`.

    31 random bits, scaled: the bias against any number is below bound / 2**31.
    """
    draw = tf.random.stateless_uniform(tf.shape(bound), seed, 0, 2**31 - 1, tf.int32)
    return tf.cast(draw, tf.int64) * bound // (2**31 - 1)


def _sorted_below(bound, count, seed):
    """Independent random integers in `[0, bound)`, int64 `(count,)`, in order, without sorting.

    Sums of count + 1 exponential variables, divided by the last, are distributed as sorted uniform
    ones are. Source: Devroye, "Non-Uniform Random Variate Generation", 1986, chapter V.
    """
    gaps = -tf.math.log1p(-tf.random.stateless_uniform((count + 1,), seed))
    sums = tf.cumsum(tf.cast(gaps, tf.float64))
    point = tf.cast(sums[:-1] / sums[-1] * tf.cast(bound, tf.float64), tf.int64)
    return tf.minimum(point, bound - 1)  # a last gap of 0 would end at the bound


def _seed(seed, step):
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])
