"""Negatives: items drawn for a user, from the whole catalogue or from what the user never touched.

All samplers run inside a graph, one draw for a whole batch, and are pure functions of `(seed, step)`.
"""

import numpy as np
import tensorflow as tf

from deca_tf.data.host import on_host
from deca_tf.registry import Registry

NEGATIVES = Registry(
    "negatives",
    {
        "popularity": "deca_tf.data.negative_sampling:PopularNegatives",
        "uniform": "deca_tf.data.negative_sampling:UniformNegatives",
        "unobserved": "deca_tf.data.negative_sampling:UnobservedNegatives",
    },
)


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
        return tf.random.stateless_uniform(shape, _seed(self.seed, step), 0, self.num_items, tf.int32)


class UnobservedNegatives:
    """Draws from the items that a user has not been observed with, each in proportion to its weight: here, uniformly.

    There is no rejection loop to hang. Line up the items, each as long as its weight. Of a user whose sorted items
    a_0 < a_1 < ... are cut out, the point at length r of what is left lies at r + (length of the a_j before it) of the
    whole, and a_j is before it if (start of a_j) - (length of the a's before a_j) <= r. These differences rise within a
    user, so one binary search counts them and a second one finds the item at the point.

    Args:
        observed: `Interactions` to keep out.
        seed: integer.

    Raises:
        ValueError: a user has been observed with every item that can be drawn.
    """

    def __init__(self, observed, seed=0):
        self.seed = seed
        self.num_items = observed.num_items
        weight = self._weights(observed)
        ends = np.cumsum(weight)  # of the items, in line
        self._total = int(ends[-1])
        users, items = np.divmod(np.unique(observed.pair_key), self.num_items)
        degree = np.bincount(users, minlength=observed.num_users)
        first = np.cumsum(degree) - degree
        cut = np.append(0, np.cumsum(weight[items]))  # cut out before each pair, over all users
        left = self._total - (cut[first + degree] - cut[first])
        self._check_something_is_left(observed, left)
        starts = ends[items] - weight[items]
        gaps = users * self._total + starts - (cut[:-1] - cut[first[users]])
        self._ends, self._first, self._cut, self._left, self._gaps = map(on_host, (ends, first, cut, left, gaps))

    def _weights(self, observed):
        """Integers, one for each item."""
        return np.ones(observed.num_items, np.int64)

    def _check_something_is_left(self, observed, left):
        full = np.flatnonzero(left <= 0)
        if len(full):
            raise ValueError(
                "Negatives without observed pairs require that every user has an unobserved item. Received: "
                f"{len(full)} users observed with all {np.count_nonzero(self._weights(observed))} items, the first "
                f"{observed.raw_user_ids[full[0]].item()!r}. Leave those users out, or set `exclude_observed=False`."
            )

    def __call__(self, user_ids, count, step):
        """As `UniformNegatives.__call__`."""
        shape = (user_ids.shape[0], count)
        users = tf.broadcast_to(user_ids[:, None], shape)
        return self._item_at(users, uniform_below(tf.gather(self._left, users), _seed(self.seed, step)))

    def in_cells_of(self, user_ids, count, step):
        """Draws uniformly among all unobserved (user, item) cells of the users of a batch.

        Args:
            user_ids: int32 tensor `(batch,)`, equal users in a row.
            count, step: as above.

        Returns:
            `(users, items)`, int32 tensors `(batch, count)`; a negative's user may be any user of the batch.
        """
        shape = (user_ids.shape[0], count)
        is_first = tf.concat([[True], user_ids[1:] != user_ids[:-1]], axis=0)
        left = tf.where(is_first, tf.gather(self._left, user_ids), 0)
        ends = tf.cumsum(left)
        point = uniform_below(tf.fill(shape, ends[-1]), _seed(self.seed, step))
        row = tf.reshape(tf.searchsorted(ends, tf.reshape(point, (-1,)), side="right"), shape)
        users = tf.gather(user_ids, row)
        return users, self._item_at(users, point - tf.gather(ends - left, row))

    def _item_at(self, users, point):
        """The item at a point of the length that is left to a user; int32 and int64 tensors of one shape."""
        users = tf.cast(users, tf.int64)
        keys = tf.reshape(users * self._total + point, (-1,))
        position = tf.reshape(tf.searchsorted(self._gaps, keys, side="right", out_type=tf.int64), tf.shape(users))
        place = point + tf.gather(self._cut, position) - tf.gather(self._cut, tf.gather(self._first, users))
        return self._at(place)

    def _at(self, place):
        return tf.cast(place, tf.int32)  # all lengths are 1


class PopularNegatives(UnobservedNegatives):
    """Draws from what a user has not been observed with, in proportion to the items' number of interactions.

    What everybody knows and this user left alone was probably seen and not liked.

    Source: Gantner et al., "Personalized ranking for non-uniformly sampled items", 2012 (WBPR).
    """

    def _weights(self, observed):
        return observed.item_popularity()

    def _at(self, place):
        found = tf.searchsorted(self._ends, tf.reshape(place, (-1,)), side="right")
        return tf.reshape(found, tf.shape(place))


def uniform_below(bound, seed):
    """Random integers in `[0, bound)`, int64, of the shape of `bound`.

    31 random bits, scaled: the bias against any number is below bound / 2**31.
    """
    draw = tf.random.stateless_uniform(tf.shape(bound), seed, 0, 2**31 - 1, tf.int32)
    return tf.cast(draw, tf.int64) * bound // (2**31 - 1)


def _seed(seed, step):
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])
