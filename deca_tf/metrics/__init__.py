"""Ranking metrics: one function a file, `f(hits, num_relevant, k)`, a value per user. NumPy only.

Args of each:
    hits: bool `(users, length)` in order of rank, true where the item is relevant. The length is at
        least k, or the number of items where that is smaller.
    num_relevant: int `(users,)`, how many items are relevant, at least 1; those that cannot be hits
        count too.
    k: length of the list, at least 1.

Each returns float64 `(users,)` in [0, 1]. To add one: write its file, add a row; `evaluate` then
reports it.
"""

from deca_tf.metrics.mrr import mrr
from deca_tf.metrics.ndcg import ndcg
from deca_tf.metrics.precision import precision
from deca_tf.metrics.recall import recall

METRICS = {"recall": recall, "ndcg": ndcg, "precision": precision, "mrr": mrr}

__all__ = ["METRICS", *METRICS]
