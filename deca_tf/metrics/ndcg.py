"""NDCG: recall's hits weighed by their place."""

import numpy as np


def ndcg(hits, num_relevant, k):
    """Normalized discounted cumulative gain with binary relevance, `(users,)` in [0, 1].

    Formula: `DCG / IDCG`, `DCG = sum over hits at places 1..k of 1 / log2(place + 1)`, and IDCG the same sum over the
    first `min(k, relevant)` places.
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained = hits[:, :k] @ discount[: hits[:, :k].shape[1]]
    ideal = np.cumsum(discount)[np.minimum(num_relevant, k) - 1]
    return gained / ideal
