"""Sums of rows against NumPy's, compiled and not."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.embeddings.row_sums import gather_bounded, gather_summed, sum_rows

VALUES = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
IDS = np.int32([4, 0, 4, -1, 2, 0, 4])


def expected(num_rows=5):
    sums = np.zeros((num_rows, 3), np.float32)
    np.add.at(sums, IDS[IDS >= 0], VALUES[IDS >= 0])
    return sums


@pytest.mark.parametrize("rows_known", [True, False])
@pytest.mark.parametrize("shape", [(7, 3), (None, 3)])
def test_rows_are_summed_by_their_ids(shape, rows_known):
    @tf.function(input_signature=[tf.TensorSpec(shape), tf.TensorSpec(shape[:1], tf.int32)])
    def summed(values, ids):
        return sum_rows(values, ids, 5 if rows_known else tf.constant(2) + 3)

    np.testing.assert_allclose(summed(VALUES, IDS), expected(), rtol=1e-6)
    np.testing.assert_allclose(sum_rows(VALUES, IDS, 5), expected(), rtol=1e-6)


@pytest.mark.parametrize("length", [7, None])
def test_rows_are_added_to_a_base(length):
    base = np.arange(15, dtype=np.float32).reshape(5, 3)

    @tf.function(input_signature=[tf.TensorSpec((length, 3)), tf.TensorSpec((length,), tf.int32)])
    def summed(values, ids):
        return sum_rows(values, ids, 5, base)

    np.testing.assert_allclose(summed(VALUES, IDS), base + expected(), rtol=1e-5)
    np.testing.assert_allclose(sum_rows(VALUES, IDS, 5, base), base + expected(), rtol=1e-5)


def test_sums_are_compiled_where_the_shapes_are_known():
    def compiled(length):
        specs = tf.TensorSpec((length, 3)), tf.TensorSpec((length,), tf.int32)
        graph = (
            tf.function(lambda values, ids: sum_rows(values, ids, 5))
            .get_concrete_function(*specs)
            .graph
        )
        calls = [
            operation for operation in graph.get_operations() if "PartitionedCall" in operation.type
        ]
        return [call.get_attr("_XlaMustCompile") for call in calls]

    assert compiled(7) == [True]
    assert compiled(None) == []


@pytest.mark.parametrize("num_rows", [3, None])
@pytest.mark.parametrize("length", [5, None])
def test_gradient_of_rows_taken_is_the_sum_by_their_ids(length, num_rows):
    ids, upstream = np.int32([1, 0, 1, 2, 1]), VALUES[:5]

    @tf.function(input_signature=[tf.TensorSpec((num_rows, 3)), tf.TensorSpec((length,), tf.int32)])
    def taken(rows, ids):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            result = gather_summed(rows, ids)
        return result, tape.gradient(result, rows, output_gradients=tf.constant(upstream))

    result, gradient = taken(VALUES[:3], ids)
    np.testing.assert_array_equal(result, VALUES[ids])
    np.testing.assert_allclose(
        gradient, [upstream[1], upstream[[0, 2, 4]].sum(0), upstream[3]], rtol=1e-6
    )


def test_rows_that_are_not_taken_have_no_gradient():
    @tf.function
    def gradient_of(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            taken = gather_summed(rows, tf.constant([3, 0, 3]))
        return tape.gradient(taken, rows)

    np.testing.assert_allclose(
        gradient_of(tf.ones((5, 2))), [[1, 1], [0, 0], [0, 0], [2, 2], [0, 0]]
    )


def test_rows_may_be_taken_by_ids_of_more_axes():
    @tf.function
    def gradient_of(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            taken = gather_summed(rows, tf.constant([[0, 1, 2], [2, 2, 0]]))
        return tape.gradient(taken, rows)

    np.testing.assert_allclose(gradient_of(tf.ones((3, 2))), [[2, 2], [1, 1], [3, 3]])


@pytest.mark.parametrize("most", [5, 3, None])
def test_gradient_of_so_many_rows_at_most(most):
    """Its length is known though that of the ids is not.

    No other row than theirs comes up in it.
    """

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec((5, 3)), tf.TensorSpec((None,), tf.int32)]
    )
    def gradient_of(rows, ids):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            taken = gather_bounded(rows, ids, most)
        gradient = tape.gradient(taken, rows, output_gradients=tf.constant(VALUES)[: tf.size(ids)])
        assert gradient.values.shape[0] == gradient.indices.shape[0] == most
        return taken, gradient.indices, tf.convert_to_tensor(gradient)

    taken, asked, gradient = gradient_of(VALUES[:5], [4, 1, 2])
    np.testing.assert_array_equal(taken, VALUES[[4, 1, 2]])
    assert set(asked.numpy()) == {4, 1, 2}
    np.testing.assert_array_equal(
        gradient, [np.zeros(3), VALUES[1], VALUES[2], np.zeros(3), VALUES[0]]
    )
