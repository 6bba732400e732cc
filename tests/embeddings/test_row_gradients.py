"""Gradients by rows: the whole tables' gradients, where they belong."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import GMF, MF
from deca_tf.data import Interactions, training_batches
from deca_tf.denoisers import DeCA
from deca_tf.embeddings.row_gradients import RowGradient, whole, whole_if_unknown
from deca_tf.optimizers import LazyAdam
from deca_tf.training._batch_layout import flatten
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS = 40, 50  # more than the rows of a batch: 16 users and 32 items
SIZES = {"num_users": USERS, "num_items": ITEMS, "embedding_dim": 4, "embedding_stddev": 0.3}


@pytest.fixture(scope="module")
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 56, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


@pytest.mark.parametrize("jit_compile", [True, False])
def test_gradients_by_rows_are_those_of_the_tables(jit_compile, interactions):
    model = DeCAModel(
        GMF(**SIZES, seed=1), DeCA(MF(**SIZES, seed=2), MF(**SIZES, seed=3), MF(**SIZES, seed=4))
    )
    model.compile(LazyAdam(0.01), jit_compile=jit_compile)
    model.make_train_function()
    inputs, label, once = flatten(*next(iter(training_batches(interactions, batch_size=16))))
    variables = [*model.target.trainable_variables, *model.denoiser.auxiliary.trainable_variables]
    found = tf.function(
        lambda: model._row_gradients("dp", variables, inputs, label, once), autograph=False
    )()
    expected = model._gradients("dp", variables, inputs, label)
    by_rows = [gradient for gradient in found if isinstance(gradient, RowGradient)]
    assert [len(gradient.ids) for gradient in by_rows] == [
        16,
        32,
    ] * 2  # users and items, of f and of g
    for variable, gradient, other in zip(variables, found, expected, strict=True):
        if isinstance(gradient, RowGradient):
            np.testing.assert_array_equal(gradient.rows, variable.numpy()[gradient.ids])
            gradient = tf.math.unsorted_segment_sum(
                gradient.values, gradient.ids, variable.shape[0]
            )
        np.testing.assert_allclose(
            gradient, tf.convert_to_tensor(other), atol=1e-6, err_msg=variable.path
        )


class Neighbours(MF):
    """Looks its items up, and the next ones too."""

    def call(self, inputs):
        following = {**inputs, "item_id": (inputs["item_id"] + 1) % self.num_items}
        return super().call(inputs) + super().call(following)


def test_a_table_that_is_looked_up_by_other_ids_too_gets_the_gradients_of_both(interactions):
    model = DeCAModel(Neighbours(**SIZES, seed=1))
    model.compile(LazyAdam(0.01), jit_compile=False)
    model.make_train_function()
    inputs, label, once = flatten(*next(iter(training_batches(interactions, batch_size=8))))
    variables = model.target.trainable_variables
    users, items = tf.function(
        lambda: model._row_gradients("train", variables, inputs, label, once), autograph=False
    )()
    expected = model._gradients("train", variables, inputs, label)
    assert isinstance(users, RowGradient)
    assert isinstance(items, tf.IndexedSlices)
    np.testing.assert_allclose(
        tf.convert_to_tensor(items), tf.convert_to_tensor(expected[1]), atol=1e-6
    )


def test_whole_gradients_are_sums_by_id_and_the_penaltys_pull():
    table = tf.Variable([[1.0], [2.0], [3.0]])
    slices = tf.IndexedSlices(
        tf.constant([[10.0], [20.0], [30.0]]), tf.constant([2, 0, 2]), tf.constant([3, 1])
    )
    np.testing.assert_array_equal(whole(slices, table), [[20], [0], [40]])
    np.testing.assert_array_equal(whole(slices, table, 0.5), [[20.5], [1], [41.5]])
    np.testing.assert_array_equal(
        whole(None, table, 0.5), [[0.5], [1], [1.5]]
    )  # only the penalty knows this weight
    assert whole(None, table) is None


@pytest.mark.parametrize("length", [3, None])
def test_only_gradients_of_unknown_length_are_summed_before_they_are_compiled(length):
    @tf.function(input_signature=[tf.TensorSpec((length, 1)), tf.TensorSpec((length,), tf.int32)])
    def is_sparse(values, ids):
        gradient = whole_if_unknown(tf.IndexedSlices(values, ids), tf.zeros((3, 1)))
        return tf.constant(isinstance(gradient, tf.IndexedSlices))

    assert is_sparse(tf.ones((3, 1)), tf.constant([0, 1, 1])) == (length is not None)
