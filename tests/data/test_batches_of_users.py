"""Batches of users: who comes up, how often, and that a stream can begin anywhere."""

import numpy as np
import pytest

from deca_tf.data import Interactions
from deca_tf.data.batches_of_users import training_batches_of_users

CLICKS = {0: 2, 2: 1, 3: 4, 4: 2, 6: 3, 7: 1}  # by user, of eight


def interactions():
    users = np.repeat(list(CLICKS), list(CLICKS.values()))
    items = np.concatenate([np.arange(count) for count in CLICKS.values()])
    return Interactions(users, items, np.arange(8), np.arange(5))


def epochs(count, **options):
    """Users of each batch, for each epoch."""
    dataset = training_batches_of_users(interactions(), **options)
    return [[inputs["user_id"].numpy() for inputs, _ in dataset] for _ in range(count)]


def test_an_element_is_a_column_of_users_labelled_1():
    dataset = training_batches_of_users(interactions(), users_per_batch=2, updates_per_step=2)
    inputs, label = next(iter(dataset))
    assert set(inputs) == {"user_id"}
    assert inputs["user_id"].shape == label.shape == (4, 1)
    np.testing.assert_array_equal(label, np.ones((4, 1)))


def test_each_user_comes_up_once_an_epoch_and_users_without_clicks_never():
    for epoch in epochs(3, users_per_batch=2):
        assert sorted(np.concatenate(epoch).ravel()) == [0, 2, 3, 4, 6, 7]


def test_users_with_too_few_clicks_are_left_out():
    (epoch,) = epochs(1, users_per_batch=2, fewest_clicks=2)
    assert sorted(np.concatenate(epoch).ravel()) == [0, 3, 4, 6]


def test_where_batches_do_not_divide_the_users_no_user_comes_up_more_often_than_another():
    """Six users in batches of four: two steps an epoch (1.5, rounded), so three passes in nine."""
    seen = np.concatenate([np.concatenate(epoch) for epoch in epochs(9, users_per_batch=4)])
    assert set(np.bincount(seen.ravel())[list(CLICKS)]) == {12}


def test_epochs_differ_and_seeds_do_and_equal_ones_do_not():
    options = {"users_per_batch": 6, "seed": 3}
    first, second = (np.concatenate(epoch).ravel() for epoch in epochs(2, **options))
    assert (first != second).any()
    np.testing.assert_array_equal(np.concatenate(epochs(1, **options)[0]).ravel(), first)
    other = np.concatenate(epochs(1, users_per_batch=6, seed=4)[0]).ravel()
    assert (first != other).any()


def test_a_stream_can_begin_at_any_step():
    whole = [batch for epoch in epochs(3, users_per_batch=2) for batch in epoch]
    rest = [batch for epoch in epochs(2, users_per_batch=2, start_step=4) for batch in epoch]
    for one, other in zip(whole[4:], rest, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_batch_is_of_all_users_at_most():
    (epoch,) = epochs(1, users_per_batch=100)
    assert [len(batch) for batch in epoch] == [6]
    (epoch,) = epochs(1, users_per_batch=100, updates_per_step=4)
    assert {len(batch) for batch in epoch} == {4}


def test_wrong_arguments_are_refused():
    for name in ("users_per_batch", "updates_per_step", "fewest_clicks"):
        with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1"):
            training_batches_of_users(interactions(), **{name: 0})
    with pytest.raises(ValueError, match="a user with at least 5 clicks. Received: 4 clicks"):
        training_batches_of_users(interactions(), fewest_clicks=5)
    with pytest.raises(ValueError, match="`interactions` must hold at least one pair"):
        training_batches_of_users(interactions().take([]))
