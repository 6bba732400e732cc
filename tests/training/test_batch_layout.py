"""Batches of groups taken apart, and the loss of all examples."""

import keras
import numpy as np
import tensorflow as tf

from deca_tf.training._batch_layout import flatten, mean_per_label


def test_rows_of_a_batch_are_laid_out_group_by_group_with_each_groups_user_once():
    inputs = {
        "user_id": tf.constant([[5], [6], [7]]),
        "item_id": tf.constant([[1, 2], [3, 4], [5, 6]]),
    }
    label = tf.constant([[1, 0], [1, 0], [1, 0]])
    ids, label, once = flatten(inputs, label, slice(0, None, 2))
    np.testing.assert_array_equal(ids["user_id"], [5, 5, 7, 7])
    np.testing.assert_array_equal(ids["item_id"], [1, 2, 5, 6])
    np.testing.assert_array_equal(label, np.float32([1, 0, 1, 0]))
    np.testing.assert_array_equal(once["user_id"], [5, 7])
    assert once["item_id"] is ids["item_id"]


def test_loss_is_the_mean_over_positives_plus_the_mean_over_negatives():
    # positives 1, 3: mean 2; negatives 10, 20, 60: mean 30
    label = keras.ops.convert_to_tensor([1.0, 0.0, 1.0, 0.0, 0.0])
    assert (
        float(mean_per_label(keras.ops.convert_to_tensor([1.0, 10.0, 3.0, 20.0, 60.0]), label))
        == 32.0
    )


def test_loss_of_a_batch_with_one_label_is_that_labels_mean():
    values = keras.ops.convert_to_tensor([1.0, 3.0])
    assert float(mean_per_label(values, keras.ops.ones(2))) == 2.0
    assert float(mean_per_label(values, keras.ops.zeros(2))) == 2.0
