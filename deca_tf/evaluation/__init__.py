"""Evaluation: rank all items for each user, leave out what was seen, find the relevant ones.

`_scoring` gets the scores of any kind of model, `_ranking` finds the ranks, and `evaluator` makes
metrics of them.
"""

from deca_tf._keras import check_imported_backend

check_imported_backend()

from deca_tf.evaluation.evaluation import Evaluation  # noqa: E402
from deca_tf.evaluation.evaluator import KS, Evaluator, evaluate  # noqa: E402

__all__ = ["KS", "Evaluation", "Evaluator", "evaluate"]
