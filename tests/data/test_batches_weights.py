"""Batches of weighted interactions.

Each positive brings its weight and each negative 1; updates of a step.
"""

import dataclasses

import numpy as np
import pytest

from deca_tf.data import (
    Interactions,
    training_batches,
    training_batches_by_user,
    validation_batches,
)

USERS, ITEMS, PAIRS = 9, 12, 40
STREAMS = {
    "training": (training_batches, {"batch_size": 8}),
    "by user": (training_batches_by_user, {"users_per_batch": 3, "updates_per_step": 2}),
    "all users at once": (training_batches_by_user, {"users_per_batch": 99}),
    "validation": (validation_batches, {"batch_size": 16}),
}


@pytest.fixture(scope="module")
def plain():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, PAIRS, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


@pytest.mark.parametrize(("make", "options"), STREAMS.values(), ids=STREAMS)
def test_each_positive_brings_its_own_weight_and_each_negative_one(make, options, plain):
    weight = np.random.default_rng(1).random(PAIRS).astype(np.float32)
    weighted = dataclasses.replace(plain, weight=weight)
    by_key = np.zeros(USERS * ITEMS, np.float32)
    by_key[weighted.pair_key] = weight
    options = {"num_negatives": 2, **options}
    for (inputs, label), (same, also, received) in zip(
        make(plain, **options), make(weighted, **options), strict=True
    ):
        for name in inputs:
            np.testing.assert_array_equal(inputs[name], same[name])
        np.testing.assert_array_equal(label, also)
        assert received.shape == label.shape
        keys = inputs["user_id"][:, 0].numpy() * ITEMS + inputs["item_id"][:, 0].numpy()
        np.testing.assert_array_equal(received[:, 0], by_key[keys])
        np.testing.assert_array_equal(received[:, 1:], 1.0)


def test_a_steps_batch_is_one_updates_times_the_updates(plain):
    one, two = (
        [inputs["item_id"] for inputs, _ in training_batches(plain, **options)]
        for options in ({"batch_size": 16}, {"batch_size": 8, "updates_per_step": 2})
    )
    assert [len(items) for items in two] == [16, 16]
    np.testing.assert_array_equal(one, two)
