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
