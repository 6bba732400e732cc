"""Baselines at their best: settings chosen as a user could, by the noisy validation."""

import copy
import dataclasses
import itertools

from deca_tf.baselines import BASELINES
from deca_tf.baselines.popularity import popularity_bonus
from deca_tf.evaluation import Evaluator

TUNED_BY = "recall@20"
POPULARITY = "popularity_weight"


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
    grid = BASELINES.load(name).GRID
    evaluator = Evaluator(split, part="validation", ks=(20,))
    combinations = [
        dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
    ]
    best = learned = learned_with = None
    for tried, settings in enumerate(combinations, 1):
        others = {key: value for key, value in settings.items() if key != POPULARITY}
        if learned is None or others != learned_with:
            learned, learned_with = (
                BASELINES.build(name, options=settings, interactions=split.train),
                others,
            )
        model = learned
        if POPULARITY in settings:  # is added to the scores, whatever has been learned
            model = copy.copy(learned)
            model.bonus = popularity_bonus(split.train, settings[POPULARITY])
        recall = evaluator(model).metrics[TUNED_BY]
        if best is None or recall > best.recall:
            best = Tuned(settings, recall, model)
        if progress:
            progress(tried, len(combinations), settings, recall)
    return best
