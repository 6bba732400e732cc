"""A few users, items and clicks that contracts are checked on."""

import numpy as np

from deca_tf.data import Interactions

USERS, ITEMS = 5, 7


def history(num_users=USERS, num_items=ITEMS):
    """Some interactions of all users but the first."""
    grid = np.random.default_rng(0).random((num_users, num_items)) < 0.4
    grid[0], grid[1:, 0] = False, True
    users, items = np.nonzero(grid)
    return Interactions(
        users.astype(np.int32), items.astype(np.int32), np.arange(num_users), np.arange(num_items)
    )


def pairs(*shape):
    rng = np.random.default_rng(0)
    return {
        "user_id": rng.integers(0, USERS, shape).astype(np.int32),
        "item_id": rng.integers(0, ITEMS, shape).astype(np.int32),
    }
