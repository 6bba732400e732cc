"""Judging: rank all items for each user who has relevant ones, leave out what was seen, and look where those come.

`scoring` gets the scores of any kind of model, `ranking` finds the places, and `evaluator` makes figures of them.
"""

from deca_tf._keras import check_backend

check_backend()

from deca_tf.evaluation.evaluator import KS, Evaluation, Evaluator, evaluate  # noqa: E402

__all__ = ["KS", "Evaluation", "Evaluator", "evaluate"]
