"""NDCG: recall's hits weighted by their rank."""

import numpy as np


def ndcg(hits: np.ndarray, num_relevant: np.ndarray, k: int) -> np.ndarray:
    """Normalized discounted cumulative gain with binary relevance, `(users,)`.

    Formula: `DCG / IDCG`, where `DCG = sum over hits at ranks 1..k of 1 / log2(rank + 1)`, and
    IDCG is the same sum over the ranks `1..min(k, num_relevant)`: what a list would get that
    begins with all relevant items.

    Example:
        >>> ndcg(np.array([[True, False, False]]), np.array([2]), k=3).round(4)
        array([0.6131])

    Stability: stable.
    """
    head = hits[:, :k]
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(num_relevant, k) - 1]
    return head @ discount[: head.shape[1]] / ideal
