"""Gradients by rows: the whole tables' gradients, where they belong."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import GMF, MF
from deca_tf.data import Interactions, training_batches
from deca_tf.deca_model import DeCAModel, _flat
from deca_tf.denoisers import DeCA
from deca_tf.optimizers import LazyAdam
from deca_tf.optimizers.lazy_adam import RowGradient

USERS, ITEMS = 40, 50  # more than the rows of a batch: 16 users and 32 items
SIZES = {"num_users": USERS, "num_items": ITEMS, "embedding_dim": 4, "embedding_stddev": 0.3}


@pytest.fixture(scope="module")
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 56, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


@pytest.mark.parametrize("jit_compile", [True, False])
def test_gradients_by_rows_are_those_of_the_tables(jit_compile, interactions):
    model = DeCAModel(GMF(**SIZES, seed=1), DeCA(MF(**SIZES, seed=2), MF(**SIZES, seed=3), MF(**SIZES, seed=4)))
    model.compile(LazyAdam(0.01), jit_compile=jit_compile)
    model.make_train_function()
    inputs, label, once = _flat(*next(iter(training_batches(interactions, batch_size=16))))
    variables = [*model.target.trainable_variables, *model.denoiser.auxiliary.trainable_variables]
    found = tf.function(lambda: model._row_gradients("dp", variables, inputs, label, once), autograph=False)()
    expected = model._gradients("dp", variables, inputs, label)
    by_rows = [gradient for gradient in found if isinstance(gradient, RowGradient)]
    assert [len(gradient.ids) for gradient in by_rows] == [16, 32] * 2  # users and items, of f and of g
    for variable, gradient, other in zip(variables, found, expected, strict=True):
        if isinstance(gradient, RowGradient):
            np.testing.assert_array_equal(gradient.rows, variable.numpy()[gradient.ids])
            gradient = tf.math.unsorted_segment_sum(gradient.values, gradient.ids, variable.shape[0])
        np.testing.assert_allclose(gradient, tf.convert_to_tensor(other), atol=1e-6, err_msg=variable.path)


class Neighbours(MF):
    """Looks its items up, and the next ones too."""

    def call(self, inputs):
        following = {**inputs, "item_id": (inputs["item_id"] + 1) % self.num_items}
        return super().call(inputs) + super().call(following)


def test_a_table_that_is_looked_up_by_other_ids_too_gets_the_gradients_of_both(interactions):
    model = DeCAModel(Neighbours(**SIZES, seed=1))
    model.compile(LazyAdam(0.01), jit_compile=False)
    model.make_train_function()
    inputs, label, once = _flat(*next(iter(training_batches(interactions, batch_size=8))))
    variables = model.target.trainable_variables
    users, items = tf.function(lambda: model._row_gradients("train", variables, inputs, label, once), autograph=False)()
    expected = model._gradients("train", variables, inputs, label)
    assert isinstance(users, RowGradient)
    assert isinstance(items, tf.IndexedSlices)
    np.testing.assert_allclose(tf.convert_to_tensor(items), tf.convert_to_tensor(expected[1]), atol=1e-6)
