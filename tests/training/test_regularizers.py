"""Losses that networks add themselves.

Keras's regularizers of weights and of activities, and `add_loss`.
"""

import keras
import numpy as np
import pytest

from deca_tf.denoisers import DeCA, Ensemble
from deca_tf.optimizers import LazyAdam
from deca_tf.training import DeCAModel

USERS, ITEMS = 4, 5
INPUTS = {"user_id": np.array([0, 1, 2, 3]), "item_id": np.array([3, 2, 1, 0])}
LABEL = np.array([1.0, 0.0, 0.0, 1.0], np.float32)


class Biases(keras.Model):
    """`logit = a_u + b_i`, with whatever losses are asked for."""

    def __init__(self, regularizer=None, activity=0.0, start=0.5, **options):
        super().__init__(**options)
        self.num_users, self.num_items, self.activity = USERS, ITEMS, activity
        constant = keras.initializers.Constant(start)
        self.users = self.add_weight(
            name="users", shape=(USERS,), initializer=constant, regularizer=regularizer
        )
        self.items = self.add_weight(name="items", shape=(ITEMS,), initializer=constant)

    def call(self, inputs):
        logits = keras.ops.take(self.users, inputs["user_id"]) + keras.ops.take(
            self.items, inputs["item_id"]
        )
        if self.activity:
            self.add_loss(self.activity * keras.ops.sum(logits))
        return logits


def step(target, denoiser=None, **options):
    """The logged loss, and by how much a step of rate 1 moves users and items."""
    model = DeCAModel(target, denoiser)
    model.compile(keras.optimizers.SGD(1.0), **(options or {"run_eagerly": True}))
    before = [np.array(weight) for weight in model.weights]
    loss = model.fit(INPUTS, LABEL, batch_size=4, verbose=0, shuffle=False).history["loss"][0]
    return loss, [np.array(new) - old for new, old in zip(model.weights, before, strict=True)]


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize(
    "options", [{"run_eagerly": True}, {"jit_compile": True}, {"jit_compile": False}], ids=str
)
def test_regularizer_of_a_weight_is_part_of_the_loss_and_of_the_gradient(options):
    """All logits are 1 and two of four are positives.

    So a user's gradient is (f - label) / 2, and 2 x .3 x .5 more.
    """
    loss, (users, items) = step(Biases(keras.regularizers.L2(0.3)), **options)
    own = 0.3 * USERS * 0.5**2
    assert loss == pytest.approx(-np.log(sigmoid(1)) - np.log(sigmoid(-1)) + own, rel=1e-5)
    np.testing.assert_allclose(users, (LABEL - sigmoid(1)) / 2 - 0.3, atol=1e-6)
    np.testing.assert_allclose(items[:4], (LABEL[::-1] - sigmoid(1)) / 2, atol=1e-6)


def test_a_loss_that_a_call_adds_is_part_of_both():
    """The sum of the four logits, times .1: each has slope .1 more, whatever its label."""
    loss, (users, _) = step(Biases(activity=0.1))
    assert loss == pytest.approx(-np.log(sigmoid(1)) - np.log(sigmoid(-1)) + 0.4, rel=1e-5)
    np.testing.assert_allclose(users, (LABEL - sigmoid(1)) / 2 - 0.1, atol=1e-6)


def test_kerass_own_layers_with_regularizers_can_be_used():
    def functional(**options):
        inputs = {n: keras.Input((), name=n, dtype="int32") for n in ("user_id", "item_id")}
        one = keras.layers.Embedding(USERS, 1, embeddings_initializer="ones", **options)(
            inputs["user_id"]
        )
        return keras.Model(inputs, keras.layers.Reshape(())(one))

    free = step(functional(), jit_compile=False)
    held = step(functional(embeddings_regularizer=keras.regularizers.L1(0.25)), jit_compile=False)
    assert held[0] - free[0] == pytest.approx(0.25 * USERS, rel=1e-5)
    np.testing.assert_allclose(held[1][0] - free[1][0], -0.25, atol=1e-6)


def test_networks_of_the_denoiser_keep_theirs_in_the_phases_in_which_they_learn():
    regularizer = keras.regularizers.L2(0.3)
    free = step(Biases(), Ensemble(Biases(start=0.2)))
    held = step(Biases(), Ensemble(Biases(regularizer, start=0.2)))
    assert held[0] - free[0] == pytest.approx(0.3 * USERS * 0.04, rel=1e-4)
    np.testing.assert_allclose(held[1][2] - free[1][2], -0.3 * 2 * 0.2, atol=1e-6)
    prior = DeCA(Biases(regularizer), Biases(), Biases(), freeze_auxiliary=True)
    assert step(Biases(), prior)[0] == pytest.approx(
        step(Biases(), DeCA(Biases(), Biases(), Biases(), freeze_auxiliary=True))[0], rel=1e-6
    )


@pytest.mark.parametrize(
    "target",
    [{"regularizer": keras.regularizers.L2(0.3)}, {"activity": 0.1}],
    ids=["regularizer", "activity"],
)
def test_they_are_refused_where_tables_move_by_rows(target):
    model = DeCAModel(Biases(**target))
    model.compile(LazyAdam(0.1))
    with pytest.raises(ValueError, match="no losses of their own under LazyAdam.*Received: 1 from"):
        model.fit(INPUTS, LABEL, batch_size=4, verbose=0)
