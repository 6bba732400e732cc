"""Ranking metrics: one function a file, `f(hits, num_relevant, k)` to one value per user. To add one: add its row.

`hits` is bool `(users, length >= k)` in order of rank, true where the item is relevant; `num_relevant` is int
`(users,)`, at least 1. NumPy only.
"""

from deca_tf.metrics.mrr import mrr
from deca_tf.metrics.ndcg import ndcg
from deca_tf.metrics.precision import precision
from deca_tf.metrics.recall import recall

METRICS = {"recall": recall, "ndcg": ndcg, "precision": precision, "mrr": mrr}

__all__ = ["METRICS", *METRICS]
