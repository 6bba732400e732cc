"""The trend of each item, by hand."""

import numpy as np
import pytest

from deca_tf.data import Interactions
from deca_tf.trends import trend_prior

DAY = 86_400


def clicks(items, days, num_items=4):
    users = np.arange(len(items))
    return Interactions(
        users,
        np.array(items),
        users,
        np.arange(num_items),
        timestamp=np.array(days, dtype=np.int64) * DAY,
    )


def test_it_compares_an_items_recent_clicks_with_all_of_its_clicks():
    # Item 0: two clicks on the last day; item 1: two clicks a half-life before; item 2: one of
    # each. Decayed: 2, 1, 1.5 of 2, 2, 2 clicks, so a click counts 4.5 / 6 = 3/4 on average, and
    # 1.5 are expected of each.
    prior = trend_prior(clicks([0, 0, 1, 1, 2, 2], [10, 10, 3, 3, 10, 3]), half_life=7)
    expected = [
        np.log(12 / 11.5),
        np.log(11 / 11.5),
        0.0,  # as expected
        0.0,  # without any click: 0
    ]
    assert prior.dtype == np.float32
    np.testing.assert_allclose(prior, expected, atol=1e-6)


def test_its_weight_is_a_factor():
    log = clicks([0, 1, 1], [1, 2, 9])
    np.testing.assert_allclose(
        trend_prior(log, 3, weight=2.5), 2.5 * trend_prior(log, 3), rtol=1e-6
    )
    assert not trend_prior(log, 3, weight=0).any()


def test_without_clicks_there_is_none():
    assert trend_prior(clicks([0], [1]).take([]), 3).tolist() == [0, 0, 0, 0]


def test_it_needs_times_and_numbers_in_their_ranges():
    log = clicks([0, 1], [1, 2])
    with pytest.raises(ValueError, match="`half_life` must be above 0"):
        trend_prior(log, 0)
    with pytest.raises(ValueError, match="`weight` must be a finite number of at least 0"):
        trend_prior(log, 1, weight=-1)
    ids = np.arange(2)
    with pytest.raises(ValueError, match="have no timestamps"):
        trend_prior(Interactions(ids, ids, ids, ids), 1)
