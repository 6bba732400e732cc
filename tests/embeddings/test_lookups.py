"""Lookups of a batch.

The same rows and gradients as without, each row of the table read no more often than asked.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.embeddings.lookups import Lookups, look_up


@pytest.fixture(scope="module")
def once():
    return tf.constant([4, 0, 4])


@pytest.fixture(scope="module")
def ids(once):
    return tf.repeat(once, 2)


@pytest.fixture(scope="module")
def table():
    return keras.Variable(np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32))


def weighted(rows):
    """A sum in which every place has a weight of its own."""
    return tf.reduce_sum(rows * tf.reshape(tf.range(18.0), (6, 3)))


@pytest.mark.parametrize("is_grouped", [True, False])
def test_rows_and_gradients_are_those_of_a_plain_lookup(is_grouped, table, ids, once):
    once = once if is_grouped else ids
    with tf.GradientTape(persistent=True) as tape:
        expected = tf.gather(table.value, ids)
        expected_sum = weighted(expected)
        with Lookups({"user_id": ids}, {"user_id": once}):
            rows = look_up(table, ids)
        found_sum = weighted(rows)
    np.testing.assert_array_equal(rows, expected)
    gradient = tape.gradient(found_sum, table.value)
    assert (
        gradient.indices.shape == once.shape
    )  # a group's user has one gradient, not one for each example
    expected_gradient = tf.convert_to_tensor(tape.gradient(expected_sum, table.value))
    np.testing.assert_allclose(tf.convert_to_tensor(gradient), expected_gradient, rtol=1e-6)


def test_rows_that_were_brought_are_taken(table, ids, once):
    lookups = Lookups({"user_id": ids}, {"user_id": once})
    lookups.bring(table, "user_id", tf.reshape(tf.range(9.0), (3, 3)))
    with lookups:
        np.testing.assert_array_equal(look_up(table, ids)[:, 0], [0, 0, 3, 3, 6, 6])
        np.testing.assert_array_equal(
            look_up(table, tf.constant([1])), table.numpy()[[1]]
        )  # of other ids: not these


def test_lookups_are_known_until_the_end_of_the_block(table, ids, once):
    with Lookups({"user_id": ids}, {"user_id": once}) as lookups:
        look_up(table, ids)
        look_up(table, tf.identity(ids))
    look_up(table, ids)
    assert [(asked is table, name) for asked, name in lookups.asked] == [
        (True, "user_id"),
        (True, None),
    ]
