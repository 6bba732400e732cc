"""Clicks that count less the older they are."""

import numpy as np
import pytest

from deca_tf.data import Interactions
from deca_tf.data.decay import decay

DAY = 86_400


def clicks(timestamp):
    ids = np.arange(3, dtype=np.int32)
    return Interactions(ids, ids, ids, ids, timestamp=timestamp)


def test_a_click_counts_half_for_every_half_life_before_the_newest():
    counted = decay(clicks(np.array([7 * DAY, 4 * DAY, 10 * DAY])), 3.0)
    assert counted.dtype == np.float32
    np.testing.assert_allclose(counted, [0.5, 0.25, 1.0])


def test_without_a_half_life_every_click_counts_one():
    assert decay(clicks(None), None).tolist() == [1, 1, 1]
    none = Interactions([], [], [0], [0], timestamp=np.zeros(0, np.int64))
    assert decay(none, 3.0).tolist() == []


@pytest.mark.parametrize("half_life", [0, -1, float("inf"), "week"])
def test_a_half_life_is_a_number_above_zero(half_life):
    with pytest.raises(ValueError, match="`half_life` must be "):
        decay(clicks(np.arange(3)), half_life)


def test_a_half_life_needs_timestamps():
    with pytest.raises(
        ValueError, match="Received: half_life=3.0, and Interactions: 3 pairs.*Read"
    ):
        decay(clicks(None), 3.0)
