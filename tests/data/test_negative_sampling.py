"""Negatives: uniform over what they may be, and never what they must not be."""

import types

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from deca_tf.data import Interactions
from deca_tf.data.negative_sampling import (
    PopularNegatives,
    UniformNegatives,
    UnobservedCells,
    UnobservedNegatives,
)

ITEMS = 9


def interactions(pairs, num_users, num_items=ITEMS):
    users, items = (np.array(column, np.int32) for column in zip(*pairs, strict=True))
    return Interactions(
        users, items, np.array([f"user {u}" for u in range(num_users)]), np.arange(num_items)
    )


def draw(sampler, users, count, step=0):
    return sampler(tf.constant(users, tf.int32), count, tf.constant(step, tf.int64)).numpy()


def assert_uniform(drawn, choices):
    """At a significance level of one in a thousand; the draws are fixed by their seed."""
    counts = np.array([(drawn == choice).sum() for choice in choices])
    assert counts.sum() == drawn.size
    assert len(counts) == 1 or scipy.stats.chisquare(counts).pvalue > 1e-3, counts


@pytest.fixture(scope="module")
def observed():
    """Users who touched nothing, the first items, the last ones, a few, and all but one."""
    touched = {1: [0, 1, 2], 2: [7, 8], 3: [0, 4, 5, 8], 4: [0, 1, 2, 3, 5, 6, 7, 8], 5: [3]}
    return interactions(
        [(user, item) for user, items in touched.items() for item in items], num_users=7
    )


def samplers(observed, seed=3):
    kinds = {
        "uniform": UniformNegatives,
        "unobserved": UnobservedNegatives,
        "popularity": PopularNegatives,
    }
    return {name: kind(observed, seed) for name, kind in kinds.items()}


@pytest.mark.parametrize("name", ["uniform", "unobserved", "popularity"])
def test_shape_type_and_dependence_on_seed_and_step_alone(name, observed):
    sampler = samplers(observed)[name]
    users = np.array([0, 1, 2, 3, 5, 6, 0, 1] * 4)
    drawn = draw(sampler, users, 3)
    assert drawn.shape == (32, 3)
    assert drawn.dtype == np.int32
    np.testing.assert_array_equal(draw(sampler, users, 3), drawn)
    np.testing.assert_array_equal(draw(samplers(observed)[name], users, 3), drawn)
    assert (draw(sampler, users, 3, step=1) != drawn).any()
    assert (draw(samplers(observed, seed=4)[name], users, 3) != drawn).any()


def test_uniform_negatives_are_uniform_over_all_items(observed):
    drawn = np.stack(
        [
            draw(UniformNegatives(observed, seed=1), np.zeros(2000, int), 2, step)
            for step in range(5)
        ]
    )
    assert_uniform(drawn, range(ITEMS))


def test_unobserved_negatives_are_uniform_over_all_that_a_user_has_not_touched_and_nothing_else(
    observed,
):
    sampler = UnobservedNegatives(observed, seed=1)
    users = np.repeat(np.arange(7), 500)
    drawn = np.concatenate([draw(sampler, users, 2, step) for step in range(4)], axis=1)
    for user in range(7):
        free = np.setdiff1d(np.arange(ITEMS), observed.item_id[observed.user_id == user])
        assert_uniform(drawn[users == user], free)  # every draw is one of these, and each comes up


def test_popular_negatives_follow_popularity_over_what_a_user_has_not_touched(observed):
    popularity = np.bincount(observed.item_id, minlength=ITEMS)
    users = np.repeat([0, 1, 2, 3, 5, 6], 3000)  # user 4 is left with an item that nobody touched
    pairs = [(u, i) for u, i in zip(observed.user_id, observed.item_id, strict=True) if u != 4] + [
        (4, 0),
        (4, 4),
    ]
    observed = interactions(pairs, num_users=7)
    popularity = np.bincount(observed.item_id, minlength=ITEMS)
    drawn = draw(PopularNegatives(observed, seed=1), users, 2)
    for user in np.unique(users):
        weight = np.where(
            np.isin(np.arange(ITEMS), observed.item_id[observed.user_id == user]), 0, popularity
        )
        counts = np.bincount(drawn[users == user].ravel(), minlength=ITEMS)
        assert not counts[weight == 0].any()
        expected = weight[weight > 0] / weight.sum() * counts.sum()
        assert scipy.stats.chisquare(counts[weight > 0], expected).pvalue > 1e-3


def test_user_who_touched_all_that_is_popular_is_refused(observed):
    pairs = [(0, 0), (0, 1), (1, 0)]
    with pytest.raises(ValueError, match="1 users observed with all 2 items, the first 'user 0'"):
        PopularNegatives(interactions(pairs, num_users=2))


def test_cells_of_a_batch_are_uniform_over_all_that_its_users_have_not_touched(observed):
    """In the batch are users 3, 1 and 6, some of them with several positives.

    User 6 has all nine items left.
    """
    batch = np.repeat([3, 1, 6], [400, 2, 1000])
    users, items = UnobservedNegatives(observed, seed=5).in_cells_of(
        tf.constant(batch, tf.int32), 5, tf.constant(2, tf.int64)
    )
    assert (users.shape, users.dtype, items.dtype) == ((1402, 5), tf.int32, tf.int32)
    cells = users.numpy() * ITEMS + items.numpy()
    touched = observed.user_id * ITEMS + observed.item_id
    assert_uniform(
        cells,
        [
            user * ITEMS + item
            for user in (3, 1, 6)
            for item in range(ITEMS)
            if user * ITEMS + item not in touched
        ],
    )
    place = (
        np.array([0, 1, 0, 0, 0, 0, 2])[users.numpy()] * ITEMS + items.numpy()
    )  # in the order of the batch's users
    assert (np.diff(place.ravel()) >= 0).all()


def test_cells_are_drawn_independently(observed):
    """The share that falls to user 6 varies over steps as that of 100 independent draws does."""
    sampler = UnobservedNegatives(observed, seed=5)
    batch = tf.constant(np.repeat([3, 6], 50), tf.int32)
    shares = [
        np.mean(sampler.in_cells_of(batch, 1, tf.constant(step, tf.int64))[0] == 6)
        for step in range(400)
    ]
    mean = np.mean(shares)
    assert np.var(shares) == pytest.approx(mean * (1 - mean) / 100, rel=0.25)


@pytest.mark.parametrize(
    "num_items", [ITEMS, 2**29]
)  # with the second, numbers of cells go beyond int32
def test_cells_of_all_users_are_uniform_over_what_those_with_any_pair_have_not_touched(
    observed, num_items
):
    table = types.SimpleNamespace(
        num_items=num_items, observed=observed.observed
    )  # no table of so many items' ids
    users, items = UnobservedCells(table, seed=5)((700, 4), tf.constant(2, tf.int64))
    assert (users.shape, users.dtype, items.dtype) == ((700, 4), tf.int32, tf.int32)
    users, items = users.numpy().astype(np.int64), items.numpy()
    cells = users * num_items + items
    assert (np.diff(cells.ravel()) >= 0).all()
    active = np.unique(observed.user_id)
    touched = observed.user_id * np.int64(num_items) + observed.item_id
    assert not np.isin(cells, touched).any()
    if num_items == ITEMS:
        free = np.setdiff1d((active[:, None] * ITEMS + np.arange(ITEMS)).ravel(), touched)
        assert_uniform(cells, free)
    else:
        assert_uniform(users, active)
        assert scipy.stats.kstest(items.ravel() / num_items, "uniform").pvalue > 1e-3


def test_cells_are_the_same_whether_they_are_listed_or_searched_for(observed, monkeypatch):
    step = tf.constant(3, tf.int64)
    listed = UnobservedCells(observed, seed=5)((70, 4), step)
    monkeypatch.setattr("deca_tf.data.negative_sampling.MOST_LISTED", 0)
    np.testing.assert_array_equal(UnobservedCells(observed, seed=5)((70, 4), step), listed)


def test_user_with_one_unobserved_item_always_gets_it(observed):
    assert (draw(UnobservedNegatives(observed), np.full(200, 4), 3) == 4).all()


def test_user_who_touched_everything_is_refused():
    pairs = [(0, 0), *((2, item) for item in range(ITEMS))]
    with pytest.raises(
        ValueError,
        match="1 users observed with all 9 items, the first 'user 2'.*exclude_observed=False",
    ):
        UnobservedNegatives(interactions(pairs, num_users=3))


def test_repeated_pairs_count_once():
    """Nine rows but one item: the user has eight items left."""
    drawn = draw(
        UnobservedNegatives(interactions([(0, 5)] * ITEMS, num_users=1)), np.zeros(500, int), 4
    )
    assert set(drawn.ravel()) == set(range(ITEMS)) - {5}


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_the_sorted_list_of_unobserved_items(seed, monkeypatch):
    """Every rank of every user, on random data.

    The r-th draw must be the r-th item of a list made by hand.
    """
    rng = np.random.default_rng(seed)
    num_users, num_items = 20, int(rng.integers(2, 40))
    table = rng.random((num_users, num_items)) < rng.random((num_users, 1))
    table[np.arange(num_users), rng.integers(0, num_items, num_users)] = False
    if not table.any():
        table[0, 0], table[0, 1] = True, False
    users, items = np.nonzero(table)
    order = rng.permutation(len(users))
    observed = Interactions(users[order], items[order], np.arange(num_users), np.arange(num_items))
    sampler = UnobservedNegatives(observed)
    free = (~table).sum(1)
    asked = np.repeat(np.arange(num_users), free)
    ranks = np.concatenate([np.arange(count) for count in free])
    # 31-bit draws that land in the middle of each rank's share
    bits = ((ranks + 0.5) / free[asked] * (2**31 - 1)).astype(np.int64).astype(np.int32)
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda *_: tf.constant(bits[:, None]))
    expected = [
        item for user in range(num_users) for item in range(num_items) if not table[user, item]
    ]
    np.testing.assert_array_equal(draw(sampler, asked, 1)[:, 0], expected)


@pytest.mark.parametrize(("bits", "expected"), [(0, 0), (2**31 - 2, ITEMS - 1)])
def test_extreme_draws_stay_in_the_catalogue(bits, expected, monkeypatch):
    sampler = UnobservedNegatives(interactions([(1, 4)], num_users=2))
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda *_: tf.constant([[bits]], tf.int32))
    assert draw(sampler, [0], 1) == expected


def test_large_id_spaces_do_not_overflow():
    num_users, num_items = 70_000, 60_000  # 4.2 billion pairs, beyond 32 bits
    last = num_users - 1
    observed = interactions([(last, num_items - 1), (last, 0)], num_users, num_items)
    drawn = draw(UnobservedNegatives(observed), np.full(2000, last), 4)
    assert drawn.min() >= 1
    assert drawn.max() <= num_items - 2
    assert drawn.max() > 0.99 * num_items
