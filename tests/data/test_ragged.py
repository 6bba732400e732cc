"""Rows of different lengths, laid out one after the other."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.data.ragged import rows_of_lengths, values_of_rows


@pytest.mark.parametrize(
    "lengths", [[], [2, 0, 1], [0, 0, 3, 0], [1], [0, 2, 0, 0], [0, 0], [5, 1, 4]]
)
def test_each_row_comes_as_often_as_it_is_long(lengths):
    expected = np.repeat(np.arange(len(lengths)), lengths)
    np.testing.assert_array_equal(rows_of_lengths(tf.constant(lengths, tf.int32)), expected)


def test_where_the_values_of_rows_lie():
    rows, positions = values_of_rows(tf.constant([7, 0, 3]), tf.constant([1, 0, 2]))
    np.testing.assert_array_equal(rows, [0, 2, 2])
    np.testing.assert_array_equal(positions, [7, 3, 4])
