"""MRR: how early the first hit comes."""

import numpy as np


def mrr(hits: np.ndarray, num_relevant: np.ndarray, k: int) -> np.ndarray:
    """Reciprocal rank of the first hit within k, else 0, `(users,)`.

    Example:
        >>> mrr(np.array([[False, True, True]]), np.array([4]), k=3)
        array([0.5])

    Stability: stable.
    """
    head = hits[:, :k]
    return np.where(head.any(axis=1), 1.0 / (head.argmax(axis=1) + 1), 0.0)
