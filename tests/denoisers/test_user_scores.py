"""Sums over clicks and over items, by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.denoisers.user_scores import UserScores

# Two users and four items; the first clicked items 1 and 3, the second item 0.
CELLS = np.float32([[1, 2, 3, 4], [5, 6, 7, 8]])


def whole(cells=CELLS):
    return UserScores(
        [0, 0, 1], np.float32([1, 0.5, 1]), cells[[0, 0, 1], [1, 3, 0]], cells, None, 4
    )


def pooled(cells=CELLS):
    """A pool of items 0 and 3 of which each stands for two: for none where it is a click."""
    clicks = cells[[0, 0, 1], [1, 3, 0]]
    stands_for = np.float32([[2, 0], [0, 2]])
    return UserScores([0, 0, 1], np.float32([1, 0.5, 1]), clicks, cells[:, [0, 3]], stands_for, 4)


def test_sums_over_clicks():
    """2 + 4 of the first user, 5 of the second; weighed 2 + 4 / 2."""
    scores = whole()
    np.testing.assert_array_equal(scores.sum_over_clicks(scores.logits), [6, 5])
    np.testing.assert_array_equal(scores.sum_over_clicks(scores.target * scores.logits), [4, 5])
    np.testing.assert_array_equal(scores.num_clicks, [2, 1])
    np.testing.assert_array_equal(scores.mean_of_clicks(scores.logits), [3, 5])


def test_a_click_of_no_user_is_left_out():
    scores = UserScores([-1, 1, -1], np.ones(3), np.float32([2, 3, 4]), CELLS, None, 4)
    np.testing.assert_array_equal(scores.sum_over_clicks(scores.logits), [0, 3])
    np.testing.assert_array_equal(scores.num_clicks, [0, 1])
    np.testing.assert_array_equal(scores.mean_of_clicks(scores.logits), [0, 3])


def test_sums_over_all_items():
    """1 + 4 + 9 + 16 and 25 + 36 + 49 + 64."""
    np.testing.assert_array_equal(whole().sum_over_items(tf.square), [30, 174])
    np.testing.assert_allclose(whole().length, np.sqrt([30, 174]), rtol=1e-6)


def test_sums_over_a_pool_have_the_clicks_once():
    """2 ** 2 + 4 ** 2 and twice 1 ** 2; 5 ** 2 and twice 8 ** 2."""
    np.testing.assert_array_equal(pooled().sum_over_items(tf.square), [22, 153])
    np.testing.assert_allclose(pooled().length, np.sqrt([22, 153]), rtol=1e-6)


@pytest.mark.parametrize("shift", [0, 1000, -1000])
def test_logarithms_of_sums_of_exponentials_of_any_size(shift):
    cells = np.log(CELLS) + np.float32(shift)
    np.testing.assert_allclose(whole(cells).log_sum_exp, np.log([10, 26]) + shift, rtol=1e-6)
    expected = np.log([2 + 4 + 2 * 1, 5 + 2 * 8]) + shift
    np.testing.assert_allclose(pooled(cells).log_sum_exp, expected, rtol=1e-6)


def test_means_over_other_items():
    """1 + 3 of two, and 6 + 7 + 8 of three."""
    scores = whole()
    means = scores.mean_of_others(scores.sum_over_items(lambda logits: logits), scores.logits)
    np.testing.assert_allclose(means, [2, 7], rtol=1e-6)


def test_a_user_who_scores_nothing_has_a_length_that_can_be_divided_by():
    scores = UserScores([0], [1.0], [0.0], np.zeros((1, 4), np.float32), None, 4)
    with tf.GradientTape() as tape:
        tape.watch(scores.all_logits)
        length = scores.length
    assert math.isclose(float(length[0]), 1e-6, rel_tol=1e-3)
    assert np.isfinite(tape.gradient(length, scores.all_logits)).all()
