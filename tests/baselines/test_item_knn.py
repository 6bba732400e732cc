"""Item-kNN against sums by definition."""

import dataclasses
import itertools

import numpy as np
import pytest

from deca_tf.baselines import ItemKNN, item_knn
from deca_tf.data import Interactions

NUM_USERS, NUM_ITEMS = 40, 12
USERS = np.arange(NUM_USERS)


def table(pairs, num_users=NUM_USERS, num_items=NUM_ITEMS, **columns):
    users, items = np.array(pairs, np.int32).reshape(-1, 2).T
    return Interactions(users, items, np.arange(num_users), np.arange(num_items), **columns)


@pytest.fixture(scope="module")
def clicks():
    """Users 0 and 1 have no history, item 11 no users; item ids do not follow popularity."""
    rng = np.random.default_rng(3)
    share = rng.permutation(np.linspace(0.1, 0.6, NUM_ITEMS))
    taken = rng.random((NUM_USERS, NUM_ITEMS)) < share
    taken[:2], taken[:, 11] = False, False
    return table(np.argwhere(taken), weight=rng.choice([0.0, 0.5, 1.0, 2.0], taken.sum()))


@pytest.mark.parametrize("block_terms", [2**21, 30], ids=["one block", "blocks of an item or two"])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_sums_the_similarities_of_the_k_nearest(clicks, monkeypatch, block_terms, weighted):
    monkeypatch.setattr(item_knn, "BLOCK_TERMS", block_terms)
    k, shrink = 3, 2.0
    taken, counts = np.zeros((2, NUM_USERS, NUM_ITEMS))
    taken[clicks.user_id, clicks.item_id] = 1
    counts[clicks.user_id, clicks.item_id] = clicks.weight if weighted else 1
    expected = np.zeros((NUM_USERS, NUM_ITEMS))
    size, length = (counts > 0).sum(axis=0), np.sqrt((counts**2).sum(axis=0))
    for j in range(NUM_ITEMS):
        similarity = {
            i: counts[:, i] @ counts[:, j] / (length[i] * length[j] + shrink)
            for i in range(NUM_ITEMS)
            if i != j
        }
        for i in sorted(similarity, key=lambda i: (-similarity[i], -size[i], i))[:k]:
            expected[:, j] += taken[:, i] * similarity[i]
    used = clicks if weighted else dataclasses.replace(clicks, weight=None)
    scores = ItemKNN(used, k=k, shrink=shrink).score_all_items(USERS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-30)


def test_of_equally_similar_items_the_more_popular_is_the_neighbour():
    # Items 0, 1 and 2 are alike to item 3 by cosine: 1 / sqrt(1 * 4), twice, and 2 / sqrt(4 * 4).
    pairs = [(0, 3), (0, 0), (1, 3), (1, 1), (2, 3), (3, 3), (2, 2), (3, 2), (4, 2), (5, 2)]
    knn = ItemKNN(table(pairs, 6, 4), k=1, shrink=0)
    assert knn.weights.toarray()[:, 3].tolist() == [0, 0, 0.5, 0]
    knn = ItemKNN(table([pair for pair in pairs if pair[1] != 2], 6, 4), k=1, shrink=0)
    assert np.flatnonzero(knn.weights.toarray()[:, 3]).tolist() == [0]


def test_items_of_clicks_that_weigh_nothing_are_nobody_s_neighbours():
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    clicks = table(pairs, 2, 3, weight=[1.0, 1.0, 1.0, 1.0, 0.0])
    knn = ItemKNN(clicks, k=1, shrink=0)
    np.testing.assert_allclose(knn.weights.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert knn.histories.toarray().tolist() == [[1, 1, 0], [1, 1, 1]]


def test_neighbours_are_sorted_by_value_and_rank_whatever_the_size_of_the_catalogue():
    """Against a sort of three columns; ranks of up to 2^31 - 1 leave room for four items."""
    rng = np.random.default_rng(0)
    item = np.sort(rng.integers(5, 9, 300))
    value = rng.choice([0.0, 1e-30, 0.25, 0.5, 1.0, 3.0], 300)
    rank = rng.integers(0, 2**31 - 1, 300)
    first = np.searchsorted(item, np.arange(5, 10))
    found = item_knn._nearest(value, rank, item, first, 40)
    order = np.lexsort((rank, -value, item))
    kept = np.concatenate([order[a:b][:40] for a, b in itertools.pairwise(first)])
    assert found[0].dtype == np.float32
    np.testing.assert_array_equal(found[0], value[kept].astype(np.float32))
    np.testing.assert_array_equal(found[1], rank[kept])
    np.testing.assert_array_equal(found[2], item[kept])


def test_blocks_hold_every_item_once(clicks, monkeypatch):
    monkeypatch.setattr(item_knn, "BLOCK_TERMS", 50)
    matrix = clicks.to_csr()
    bounds = list(item_knn._blocks(matrix.T.tocsr(), np.diff(matrix.indptr)))
    assert [start for start, _ in bounds[1:]] == [stop for _, stop in bounds[:-1]]
    assert (bounds[0][0], bounds[-1][1]) == (0, NUM_ITEMS)
    assert len(bounds) > 4
