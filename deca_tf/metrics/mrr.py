"""MRR: how early the first hit comes."""

import numpy as np


def mrr(hits, num_relevant, k):
    """Reciprocal rank of the first relevant item among the first k, else 0, `(users,)` in [0, 1]."""
    head = hits[:, :k]
    return np.where(head.any(axis=1), 1.0 / (head.argmax(axis=1) + 1), 0.0)
