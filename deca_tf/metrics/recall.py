"""Recall: how many of a user's relevant items are in the list."""

import numpy as np


def recall(hits: np.ndarray, num_relevant: np.ndarray, k: int) -> np.ndarray:
    """Share of the relevant items that are within k, `(users,)`.

    Formula: `hits within k / num_relevant`. Two others go by this name: divided by `min(k,
    num_relevant)`, and the hit rate, which is 1 as soon as there is a hit.

    Example:
        >>> recall(np.array([[True, False, True]]), np.array([8]), k=3)
        array([0.25])

    Stability: stable.
    """
    return np.count_nonzero(hits[:, :k], axis=1) / num_relevant
