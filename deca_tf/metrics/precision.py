"""Precision: how much of the list is relevant."""

import numpy as np


def precision(hits: np.ndarray, num_relevant: np.ndarray, k: int) -> np.ndarray:
    """Share of the first k ranks that hold relevant items, `(users,)`.

    Formula: `hits within k / k`, also where there are fewer than k items to rank.

    Example:
        >>> precision(np.array([[True, False, True, True]]), np.array([8]), k=4)
        array([0.75])

    Stability: stable.
    """
    return np.count_nonzero(hits[:, :k], axis=1) / k
