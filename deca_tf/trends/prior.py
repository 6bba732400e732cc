"""The trend of each item: how its clicks lie in time, against those of all."""

import numpy as np

from deca_tf._checks import check_range
from deca_tf.baselines.popularity import item_counts
from deca_tf.data.interactions import Interactions

# Recent clicks, as expected, that every item is taken to have had besides. Of 0.3 to 20, on the
# validation of two logs: with 1 the few clicks of rare items weigh too much, from 10 on it hardly
# matters.
SMOOTHING = 10.0


def trend_prior(interactions: Interactions, half_life: float, weight: float = 1.0) -> np.ndarray:
    """What a trend adds to the score of each item: `w * log(decayed popularity / popularity)`.

    With n_i the clicks of item i, d_i the same decayed, `2^(-age / half_life)` each, and N and D
    their sums over all items:

        prior_i = weight * log((d_i + 10) / (n_i * D / N + 10))

    Below the line is what d_i would be if the item's clicks lay in time as all clicks do, so that
    the prior is above 0 for items that are taken more of late than before. Ten clicks on either
    side keep those with few recent clicks near 0; an item without any click has prior 0.

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
    clicks, decayed = item_counts(interactions), item_counts(interactions, half_life)
    return prior_of_counts(clicks, decayed, weight)


def prior_of_counts(clicks, decayed, weight=1.0):
    """`trend_prior` of items that have been counted.

    Args:
        clicks: `(num_items,)`, at least 0.
        decayed: the same, decayed.
        weight: at least 0.

    Returns:
        float32 `(num_items,)`.
    """
    weight = check_range("weight", weight, 0)
    expected = clicks * (decayed.sum() / max(clicks.sum(), 1))
    return (weight * np.log((decayed + SMOOTHING) / (expected + SMOOTHING))).astype(np.float32)
