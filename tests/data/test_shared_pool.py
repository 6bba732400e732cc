"""Pools of items: one of each run of ids, the same by XLA, and what a sum over them estimates."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.data.shared_pool import SharedPool


def test_one_item_is_drawn_of_each_run():
    """Ten items cut into four runs: 0-1, 2-4, 5-6, 7-9."""
    pool = SharedPool(4, 10, seed=3)
    np.testing.assert_array_equal(pool.stands_for, [2, 3, 2, 3])
    drawn = np.array([pool(tf.constant(number)) for number in range(200)])
    for column, run in zip(drawn.T, ((0, 1), (2, 3, 4), (5, 6), (7, 8, 9)), strict=True):
        assert set(column) == set(run)


def test_every_item_comes_up_alike():
    """400 draws of 100 runs of 50: each item 8 times; chi-square of 4900 degrees, 5 sigma."""
    pool = SharedPool(100, 5000)
    counts = np.bincount(
        np.concatenate([pool(tf.constant(number)) for number in range(400)]), minlength=5000
    )
    assert abs(((counts - 8.0) ** 2 / 8.0).sum() - 4900) < 5 * np.sqrt(2 * 4900)


def test_a_weighted_sum_over_the_pool_estimates_that_over_all_items():
    values = np.random.default_rng(0).exponential(size=30)
    pool = SharedPool(7, 30, seed=1)
    sums = [(values[pool(tf.constant(n))] * pool.stands_for).sum() for n in range(2000)]
    assert abs(np.mean(sums) - values.sum()) < 4 * np.std(sums) / np.sqrt(2000)


def test_pools_depend_on_the_seed_and_the_number_alone_and_not_on_xla():
    pool = SharedPool(64, 10**6, seed=5)
    compiled = tf.function(pool, jit_compile=True)
    one, other = pool(tf.constant(1)), pool(tf.constant(2))
    np.testing.assert_array_equal(compiled(tf.constant(1)), one)
    np.testing.assert_array_equal(SharedPool(64, 10**6, seed=5)(tf.constant(1, tf.int64)), one)
    assert (np.array(one) != np.array(other)).any()
    assert (np.array(SharedPool(64, 10**6, seed=6)(tf.constant(1))) != np.array(one)).any()


def test_a_pool_of_all_items_is_the_catalogue():
    np.testing.assert_array_equal(SharedPool(9, 9)(tf.constant(4)), np.arange(9))


def test_wrong_sizes_are_refused():
    with pytest.raises(
        ValueError, match="`size` must be at most the number of items, 3. Received: size=4"
    ):
        SharedPool(4, 3)
    with pytest.raises(ValueError, match="`size` must be an integer of at least 1"):
        SharedPool(0, 3)


@pytest.mark.parametrize(("size", "num_items"), [(4, 10), (7, 30), (1, 5), (64, 10**6)])
def test_the_place_of_an_item_is_the_run_it_is_in(size, num_items):
    pool = SharedPool(size, num_items)
    runs = np.repeat(np.arange(size), pool.stands_for.astype(int))
    items = np.arange(num_items, dtype=np.int32)
    np.testing.assert_array_equal(pool.place_of(items), runs)
    drawn = pool(tf.constant(0))
    np.testing.assert_array_equal(pool.place_of(drawn), np.arange(size))
