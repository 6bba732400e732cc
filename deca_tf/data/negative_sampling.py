"""Negatives: items drawn uniformly for a user, from the whole catalogue or from what the user never touched.

Both samplers run inside a graph, one draw for a whole batch, and are pure functions of `(seed, step)`.
"""

import numpy as np
import tensorflow as tf


class UniformNegatives:
    """Draws from all items alike, observed or not: what the paper's released code does.

    On dense data some negatives are then positives (one in ten on MovieLens-100k).

    Args:
        num_items: size of the item id space.
        seed: integer.
    """

    def __init__(self, num_items, seed=0):
        self.num_items = num_items
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
    """Draws uniformly from the items that a user has not been observed with.

    There is no rejection loop to hang. The r-th smallest unobserved item of a user whose sorted items are
    a_0 < a_1 < ... is r + #{j : a_j - j <= r}; so a rank r is drawn among the user's unobserved items, and one
    binary search counts the a_j - j, which rise within a user, up to it.

    Args:
        observed: `Interactions` to keep out.
        seed: integer.

    Raises:
        ValueError: a user has been observed with every item, so that nothing is left to draw.
    """

    def __init__(self, observed, seed=0):
        full = observed.users_without_negatives()
        if len(full):
            raise ValueError(
                "Negatives without observed pairs require that every user has an unobserved item. Received: "
                f"{len(full)} users observed with all {observed.num_items} items, the first "
                f"{observed.raw_user_ids[full[0]].item()!r}. Leave those users out, or set `exclude_observed=False`."
            )
        self.num_items = observed.num_items
        self.seed = seed
        keys = np.unique(observed.pair_key)
        users, items = np.divmod(keys, self.num_items)
        degree = np.bincount(users, minlength=observed.num_users)
        self._start = np.cumsum(degree) - degree
        self._unobserved = self.num_items - degree
        self._gaps = users * self.num_items + items - (np.arange(len(keys)) - self._start[users])

    def __call__(self, user_ids, count, step):
        """As `UniformNegatives.__call__`."""
        shape = (user_ids.shape[0], count)
        users = tf.cast(user_ids, tf.int64)[:, None]
        draw = tf.random.stateless_uniform(shape, _seed(self.seed, step), 0, 2**31 - 1, tf.int32)
        # Scaling 31 random bits: the bias against any item is below num_items / 2**31.
        rank = tf.cast(draw, tf.int64) * tf.gather(self._unobserved, users) // (2**31 - 1)
        position = tf.searchsorted(self._gaps, tf.reshape(users * self.num_items + rank, (-1,)), side="right")
        before = tf.cast(tf.reshape(position, shape), tf.int64) - tf.gather(self._start, users)
        return tf.cast(rank + before, tf.int32)


def _seed(seed, step):
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])
