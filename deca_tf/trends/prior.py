"""The trend of each item: how its clicks lie in time, against those of all."""

import numpy as np

from deca_tf._checks import check_range
from deca_tf.baselines.popularity import item_counts
from deca_tf.data.interactions import Interactions

SMOOTHING = 1.0  # clicks of average age that every item is taken to have had


def trend_prior(interactions: Interactions, half_life: float, weight: float = 1.0) -> np.ndarray:
    """What a trend adds to the score of each item: `w * log(decayed popularity / popularity)`.

    With n_i the clicks of item i, d_i the same decayed, `2^(-age / half_life)` each, and N and D
    their sums over all items:

        prior_i = weight * log((d_i * N / D + 1) / (n_i + 1))

    The factor N / D makes a click of average age count 1, so that the prior is above 0 for items
    whose clicks are younger than that. One click of average age is added to each item, so that few
    clicks say little, and an item without any has prior 0.

    Args:
        interactions: `Interactions` with timestamps, normally all that the model learned from.
        half_life: in days, above 0.
        weight: w, at least 0, in the unit of the scores.

    Returns:
        float32 `(num_items,)`.

    Raises:
        ValueError: no timestamps, a half-life that is not above 0, or a weight below 0.

    Example:
        >>> trend_prior(split.train, half_life=7).shape
        (40,)

    Stability: provisional.
    """
    weight = check_range("weight", weight, 0)
    clicks = item_counts(interactions)
    decayed = item_counts(interactions, half_life)
    if not len(interactions):
        return np.zeros(interactions.num_items, np.float32)
    per_click = clicks.sum() / decayed.sum()
    ratio = (decayed * per_click + SMOOTHING) / (clicks + SMOOTHING)
    return (weight * np.log(ratio)).astype(np.float32)
