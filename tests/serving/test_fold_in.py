"""Folding in: where users' vectors follow from their items, exactly those come out."""

import numpy as np
import pytest

from deca_tf.serving import _fold_in as module
from deca_tf.serving._fold_in import LinearFoldIn
from deca_tf.serving._item_table import CompactTable


@pytest.fixture
def world(split):
    rng = np.random.default_rng(1)
    table = CompactTable(
        rng.normal(size=(split.num_items, 6)).astype(np.float32),
        np.zeros(split.num_items),
        "float32",
    )
    return table, split.train.to_csr(), rng


def padded(histories, rows, num_items):
    lists = [histories[[row]].indices for row in rows]
    longest = max(map(len, lists))
    return np.array([[*items, *[num_items] * (longest - len(items))] for items in lists], np.int32)


def test_a_map_that_is_linear_is_found(world, split, monkeypatch):
    monkeypatch.setattr(module, "RIDGE", 1e-9)
    table, histories, rng = world
    count = np.maximum(np.diff(histories.indptr), 1)[:, None]
    sums = histories @ table.values.numpy()
    weight = rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), rng.normal(size=(1, 4))
    vectors = sums / count @ weight[0] + sums / np.sqrt(count) @ weight[1] + weight[2]
    fold_in = LinearFoldIn(table, histories, vectors.astype(np.float32))
    rows = [9, 20, 31]
    np.testing.assert_allclose(
        fold_in(padded(histories, rows, split.num_items)), vectors[rows], rtol=1e-3, atol=1e-3
    )


def test_users_without_history_do_not_count(world, split):
    table, histories, rng = world
    vectors = rng.normal(size=(split.num_users, 4)).astype(np.float32)
    empty = np.diff(histories.indptr) == 0
    assert empty.any()
    changed = np.where(empty[:, None], 1e6, vectors).astype(np.float32)
    first, second = (
        LinearFoldIn(table, histories, each).weight.numpy() for each in (vectors, changed)
    )
    np.testing.assert_array_equal(first, second)
