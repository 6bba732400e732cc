"""LightGCN against powers of the dense adjacency matrix."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import LightGCN, lightgcn
from deca_tf.data import Interactions


def graph(num_users, num_items):
    """Random interactions of all users but the first and all items but the last.

    Some come twice.
    """
    table = np.random.default_rng(num_users).random((num_users, num_items)) < 0.5
    table[0], table[:, -1] = False, False
    users, items = np.nonzero(table)
    repeated = np.append(np.arange(len(users)), [0, 1])
    users, items = users[repeated].astype(np.int32), items[repeated].astype(np.int32)
    return Interactions(users, items, np.arange(num_users), np.arange(num_items)), table.astype(
        np.float64
    )


def smoothing(table, layers):
    """The matrix that maps all initial vectors, users first, to the averaged ones."""
    num_users, num_items = table.shape
    adjacency = np.block(
        [[np.zeros((num_users, num_users)), table], [table.T, np.zeros((num_items, num_items))]]
    )
    degree = adjacency.sum(1)
    scale = np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    step = scale[:, None] * adjacency * scale
    return sum(np.linalg.matrix_power(step, power) for power in range(layers + 1)) / (layers + 1)


GRAMS = {"whole": {}, "sparse": {"GRAM_ROWS": 0}, "too full": {"GRAM_ROWS": 0, "GRAM_FILL": 0}}
GRAMS["too much work"] = {"GRAM_ROWS": 0, "GRAM_WORK": 0}


def adapted(monkeypatch, num_users, num_items, layers, gram):
    for name, value in GRAMS[gram].items():
        monkeypatch.setattr(lightgcn, name, value)
    interactions, table = graph(num_users, num_items)
    model = LightGCN(num_users, num_items, embedding_dim=6, layers=layers)
    model.adapt(interactions)
    assert (model.gram is None) == gram.startswith("too")
    assert (model.gram_edges > 0) == (gram == "sparse")
    return model, smoothing(table, layers)


def gradient_of_tables(tape, loss, model):
    parts = tape.gradient(loss, [model.user_table.value, model.item_table.value])
    return np.concatenate([tf.convert_to_tensor(part) for part in parts])


@pytest.mark.parametrize(("num_users", "num_items"), [(5, 8), (9, 4), (6, 6)])
@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("gram", GRAMS)
def test_propagation_and_its_gradient(num_users, num_items, layers, gram, monkeypatch):
    model, matrix = adapted(monkeypatch, num_users, num_items, layers, gram)
    initial = np.concatenate([model.user_table, model.item_table])
    upstream = np.random.default_rng(0).normal(size=initial.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        averaged = tf.concat(model.propagated(), axis=0)
        loss = tf.reduce_sum(averaged * upstream)
    np.testing.assert_allclose(averaged, matrix @ initial, atol=1e-6)
    np.testing.assert_allclose(
        gradient_of_tables(tape, loss, model), matrix.T @ upstream, atol=1e-5
    )


@pytest.mark.parametrize(("num_users", "num_items"), [(5, 8), (9, 4)])
@pytest.mark.parametrize("gram", GRAMS)
@pytest.mark.parametrize(
    "pairs",
    [[(3, 1), (3, 2), (0, 0), (1, 3), (3, 1)], [(0, 3), (0, 3)]],
    ids=["nodes that come up again", "a node without edges alone"],
)
def test_a_batch_propagates_what_it_needs(num_users, num_items, gram, pairs, monkeypatch):
    model, matrix = adapted(monkeypatch, num_users, num_items, 3, gram)
    users, items = np.transpose(pairs)
    if pairs[0] == (0, 3) and num_users < num_items:
        items[:] = num_items - 1
    initial = np.concatenate([model.user_table, model.item_table])
    upstream = np.arange(1.0, 1 + len(users), dtype=np.float32)
    with tf.GradientTape() as tape:
        logits = model({"user_id": users, "item_id": items})
        loss = tf.reduce_sum(logits * upstream)
    averaged = matrix @ initial
    np.testing.assert_allclose(
        logits, np.sum(averaged[users] * averaged[num_users + items], axis=1), atol=1e-6
    )
    by_node = np.zeros_like(initial, dtype=np.float64)
    np.add.at(by_node, users, upstream[:, None] * averaged[num_users + items])
    np.add.at(by_node, num_users + items, upstream[:, None] * averaged[users])
    np.testing.assert_allclose(gradient_of_tables(tape, loss, model), matrix.T @ by_node, atol=1e-5)
    shape = (1, len(users))
    as_matrix = {"user_id": users.reshape(shape), "item_id": items.reshape(shape)}
    np.testing.assert_array_equal(model(as_matrix), tf.reshape(logits, shape))


def test_a_sparse_gram_matrix_is_saved(tmp_path, monkeypatch):
    model, _ = adapted(monkeypatch, 9, 4, 3, "sparse")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    pairs = {"user_id": np.arange(9), "item_id": np.arange(9) % 4}
    np.testing.assert_array_equal(again(pairs), model(pairs))


def test_sizes_and_initial_weights_are_those_of_the_released_code():
    model = LightGCN(500, 400)
    assert (model.user_table.shape, model.num_layers) == ((500, 64), 3)
    assert np.std(model.user_table) == pytest.approx(0.1, rel=0.02)
    assert not model.supports_jit
