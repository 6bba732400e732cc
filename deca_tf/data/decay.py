"""Clicks that count less the older they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deca_tf._checks import check_range

if TYPE_CHECKING:
    from deca_tf.data.interactions import Interactions

SECONDS_PER_DAY = 86_400


def decay(interactions: Interactions, half_life: float | None) -> np.ndarray:
    """What each click counts at the end of its table, by its age.

    Formula: `2^(-age / half_life)`, the age in days before the newest click of the table.

    Args:
        interactions: `Interactions` with timestamps.
        half_life: in days, above 0; None: every click counts 1, with timestamps or without.

    Returns:
        float32 `(n,)`, in `[0, 1]`.

    Raises:
        ValueError: a half-life that is not above 0, or one where there are no timestamps.
    """
    if half_life is None:
        return np.ones(len(interactions), np.float32)
    if not check_range("half_life", half_life, 0):
        raise ValueError(f"`half_life` must be above 0 days. Received: half_life={half_life!r}.")
    if interactions.timestamp is None:
        raise ValueError(
            "`half_life` must be None where clicks have no timestamps. Received: "
            f"half_life={half_life!r}, and {interactions!r}. Read the table with its column of "
            "timestamps, or leave `half_life` out."
        )
    if not len(interactions):
        return np.ones(0, np.float32)
    age = interactions.timestamp.max() - interactions.timestamp
    return np.exp2(-age / (SECONDS_PER_DAY * half_life)).astype(np.float32)
