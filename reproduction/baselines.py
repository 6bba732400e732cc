"""Baselines at their best: settings chosen as a user could, by the noisy validation."""

import dataclasses

from deca_tf.baselines import BASELINES
from deca_tf.evaluation import Evaluator

TUNED_BY = "recall@20"


@dataclasses.dataclass(frozen=True, eq=False)
class Tuned:
    """A baseline with the best settings of its grid.

    Args:
        settings: the ones chosen, `{setting: value}`; empty for a baseline that has none to choose.
        recall: recall@20 on the noisy validation that they reach.
        model: the baseline, learned from the training pairs with them.
    """

    settings: dict
    recall: float
    model: object


def tune(name, split, progress=None):
    """Tries every combination of a baseline's `GRID` and keeps the best.

    The best has the highest recall@20 on the validation.

    Learning sees the training pairs and choosing the validation pairs, noise included; the test is
    not looked at. Of equally good settings the first in the grid stay.

    Args:
        name: of the baseline, a row of `BASELINES`.
        split: a `Split`.
        progress: called as `progress(tried, number_to_try, settings, recall)` after each
            combination, or None.

    Returns:
        A `Tuned`.

    Raises:
        ImportError: the baseline needs a package that is not installed.
        ValueError: an unknown baseline, or one that refuses the data.

    Example:
        >>> evaluate(tune("ease", split).model, split).metrics["recall@20"]
    """
    cls = BASELINES.load(name)
    evaluator = Evaluator(split, part="validation", ks=(20,))
    combinations = cls.combinations(split.train)
    best = None
    for tried, (settings, model) in enumerate(cls.grid(split.train, combinations), 1):
        recall = evaluator(model).metrics[TUNED_BY]
        if best is None or recall > best.recall:
            best = Tuned(settings, recall, model)
        if progress:
            progress(tried, len(combinations), settings, recall)
    return best
