"""LightGCN against powers of the dense adjacency matrix."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import LightGCN, lightgcn
from deca_tf.data import Interactions


def graph(num_users, num_items):
    """Random interactions of all users but the first and all items but the last, some of them twice."""
    table = np.random.default_rng(num_users).random((num_users, num_items)) < 0.5
    table[0], table[:, -1] = False, False
    users, items = np.nonzero(table)
    repeated = np.append(np.arange(len(users)), [0, 1])
    users, items = users[repeated].astype(np.int32), items[repeated].astype(np.int32)
    return Interactions(users, items, np.arange(num_users), np.arange(num_items)), table.astype(np.float64)


def smoothing(table, layers):
    """The matrix that maps all initial vectors, users first, to the averaged ones."""
    num_users, num_items = table.shape
    adjacency = np.block([[np.zeros((num_users, num_users)), table], [table.T, np.zeros((num_items, num_items))]])
    degree = adjacency.sum(1)
    scale = np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    step = scale[:, None] * adjacency * scale
    return sum(np.linalg.matrix_power(step, power) for power in range(layers + 1)) / (layers + 1)


@pytest.mark.parametrize(("num_users", "num_items"), [(5, 8), (9, 4), (6, 6)])
@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("gram_rows", [2048, 0], ids=["gram matrix kept", "sparse products only"])
def test_propagation_and_its_gradient(num_users, num_items, layers, gram_rows, monkeypatch):
    monkeypatch.setattr(lightgcn, "GRAM_ROWS", gram_rows)
    interactions, table = graph(num_users, num_items)
    model = LightGCN(num_users, num_items, embedding_dim=6, layers=layers)
    model.adapt(interactions)
    matrix = smoothing(table, layers)
    initial = np.concatenate([model.user_table, model.item_table])
    upstream = np.random.default_rng(0).normal(size=initial.shape).astype(np.float32)
    variables = [model.user_table.value, model.item_table.value]
    with tf.GradientTape() as tape:
        averaged = tf.concat(model.propagated(), axis=0)
        loss = tf.reduce_sum(averaged * upstream)
    np.testing.assert_allclose(averaged, matrix @ initial, atol=1e-6)
    gradient = np.concatenate([tf.convert_to_tensor(part) for part in tape.gradient(loss, variables)])
    np.testing.assert_allclose(gradient, matrix.T @ upstream, atol=1e-5)


def test_sizes_and_initial_weights_are_those_of_the_released_code():
    model = LightGCN(500, 400)
    assert (model.user_table.shape, model.num_layers) == ((500, 64), 3)
    assert np.std(model.user_table) == pytest.approx(0.1, rel=0.02)
    assert not model.supports_jit
