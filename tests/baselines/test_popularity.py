"""Popularity, and the registry that finds it."""

import numpy as np
import pytest

from deca_tf.baselines import BASELINES, Popularity
from deca_tf.data import Interactions


@pytest.fixture
def clicks():
    return Interactions(
        np.array([0, 1, 1, 2], np.int32),
        np.array([3, 3, 0, 3], np.int32),
        np.arange(4),
        np.arange(5),
    )


def test_scores_are_counts_for_everyone(clicks):
    scores = Popularity(clicks).score_all_items(np.array([3, 0]))
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, [[1, 0, 0, 3, 0]] * 2)


def test_registry_builds_it(clicks):
    assert isinstance(BASELINES.build("popularity", interactions=clicks), Popularity)
    with pytest.raises(ValueError, match="Did you mean 'popularity'"):
        BASELINES.load("popularty")


DAY = 86_400


def test_with_a_half_life_a_click_counts_half_after_so_many_days():
    clicks = Interactions(
        np.array([0, 1, 1, 2], np.int32),
        np.array([3, 3, 0, 2], np.int32),
        np.arange(4),
        np.arange(5),
        timestamp=np.array([0, 4 * DAY, 6 * DAY, 2 * DAY]),
    )
    scores = Popularity(clicks, half_life=2.0).score_all_items(np.array([0]))
    # Ages are 6, 2, 0 and 4 days: 1/8 + 1/2, 1 and 1/4.
    np.testing.assert_allclose(scores, [[1, 0, 0.25, 0.625, 0]])


def test_a_half_life_needs_timestamps(clicks):
    with pytest.raises(ValueError, match="`half_life` must be None where .* half_life=7.0, and "):
        Popularity(clicks, half_life=7)
    assert Popularity.combinations(clicks) == [{}]


def test_it_is_a_dot_product_of_one_factor(clicks):
    popularity = Popularity(clicks)
    assert popularity.is_factorized and popularity.embeds_histories
    queries = popularity.query_embedding(np.array([3, 0]))
    candidates = popularity.candidate_embedding(np.arange(5))
    assert queries.shape == (2, 1)
    np.testing.assert_array_equal(queries @ candidates.T, [[1, 0, 0, 3, 0]] * 2)
    np.testing.assert_array_equal(popularity.history_embedding(np.full((2, 3), 5)), queries)
