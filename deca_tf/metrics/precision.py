"""Precision: how much of the list is relevant."""

import numpy as np


def precision(hits, num_relevant, k):
    """Share of the k places that hold relevant items, `(users,)`.

    Formula: `hits within k / k`, also where there are fewer than k items to rank.

    Example:
        >>> precision(np.array([[True, False, True, True]]), np.array([8]), k=4)
        array([0.75])
    """
    return np.count_nonzero(hits[:, :k], axis=1) / k
