"""Shares of train, validation and test."""

import numpy as np

FRACTIONS = (0.8, 0.1, 0.1)


def check_fractions(fractions):
    """Refuses what are no three positive shares that sum to 1.

    Returns:
        Them, float64 `(3,)`.

    Raises:
        ValueError: saying what came.
    """
    try:
        shares = np.asarray(fractions, np.float64)
    except (TypeError, ValueError):
        shares = None
    if (
        shares is None
        or shares.shape != (3,)
        or not (shares > 0).all()
        or abs(shares.sum() - 1) > 1e-6
    ):
        raise ValueError(
            "`fractions` must be three positive shares (train, validation, test) that sum to 1. "
            f"Received: fractions={fractions!r}. Use for example (0.8, 0.1, 0.1)."
        )
    return shares


def whole_position(share, length):
    """The place nearest to a share of a length, halves upwards: floats without a fraction."""
    return np.floor(length * share + 0.5 + 1e-9)
