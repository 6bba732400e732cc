"""EASE against least squares of each column alone, which shares no formula with it."""

import dataclasses
import itertools

import numpy as np
import pytest

from deca_tf.baselines import EASE, ease
from deca_tf.data import Interactions

NUM_USERS, NUM_ITEMS = 40, 12
USERS = np.arange(NUM_USERS)


@pytest.fixture(scope="module")
def clicks():
    """Users 0 and 1 have no history, item 11 no users; each click has a label."""
    rng = np.random.default_rng(3)
    taken = rng.random((NUM_USERS, NUM_ITEMS)) < rng.permutation(np.linspace(0.1, 0.6, NUM_ITEMS))
    taken[:2], taken[:, 11] = False, False
    users, items = np.nonzero(taken)
    weight = rng.choice([0.0, 0.25, 0.8, 1.0], len(users))
    return Interactions(users, items, USERS, np.arange(NUM_ITEMS), weight=weight)


def dense(clicks, values=1.0):
    matrix = np.zeros((clicks.num_users, clicks.num_items))
    matrix[clicks.user_id, clicks.item_id] = values
    return matrix


def least_squares(taken, labels, user_weights, penalty):
    """B whose column j, with 0 at j, minimises its sum of squares; penalties are rows below."""
    num_items = taken.shape[1]
    found = np.zeros((num_items, num_items))
    root = np.sqrt(user_weights)[:, None]
    for j in range(num_items):
        others = np.delete(np.arange(num_items), j)
        rows = np.vstack([root * taken[:, others], np.diag(np.sqrt(penalty[others]))])
        wanted = np.append(root[:, 0] * labels[:, j], np.zeros(num_items - 1))
        found[others, j] = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return found


@pytest.mark.parametrize("labels", ["none", "soft"])
@pytest.mark.parametrize("user_weight", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("block_cells", [ease.BLOCK_CELLS, 30], ids=["one block", "blocks of two"])
def test_each_column_is_its_own_weighted_ridge_regression(
    clicks, monkeypatch, labels, user_weight, dropout, dtype, block_cells
):
    monkeypatch.setattr(ease, "BLOCK_CELLS", block_cells)
    taken, l2 = dense(clicks), 5.0
    wanted = taken if labels == "none" else dense(clicks, clicks.weight)
    size = np.maximum(taken.sum(axis=1), 1)
    weights = size**-user_weight
    weights *= taken.sum() / (weights[:, None] * taken).sum()  # a click weighs 1 on average
    penalty = l2 + dropout / (1 - dropout) * (weights[:, None] * taken).sum(axis=0)
    expected = least_squares(taken, wanted, weights, penalty)
    model = EASE(
        clicks if labels == "soft" else dataclasses.replace(clicks, weight=None),
        **{"l2": l2, "user_weight": user_weight, "dropout": dropout, "dtype": dtype},
    )
    assert model.weights.dtype == dtype
    within = 1e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(model.weights, expected, rtol=1e-4, atol=within)
    scores = model.score_all_items(USERS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, taken @ expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("labels", ["none", "soft"])
def test_dropout_is_the_mean_over_all_that_histories_may_lose(labels):
    """Of three items there are eight ways to lose some; what is left is divided by 1 - dropout."""
    rng = np.random.default_rng(5)
    users, items = np.nonzero(rng.random((9, 3)) < 0.6)
    weight = rng.choice([0.3, 1.0], len(users)) if labels == "soft" else None
    clicks = Interactions(users, items, np.arange(9), np.arange(3), weight=weight)
    taken, wanted = dense(clicks), dense(clicks, 1.0 if weight is None else weight)
    dropout, l2 = 0.4, 0.7
    rows, labels_of_rows, probability = [], [], []
    for kept in itertools.product([0, 1], repeat=3):
        rows.append(taken * kept / (1 - dropout))
        labels_of_rows.append(wanted)
        chance = np.prod([1 - dropout if keep else dropout for keep in kept])
        probability.append(np.full(len(taken), chance))
    expected = least_squares(
        np.vstack(rows), np.vstack(labels_of_rows), np.concatenate(probability), np.full(3, l2)
    )
    model = EASE(clicks, l2=l2, dropout=dropout, dtype="float64")
    np.testing.assert_allclose(model.weights, expected, atol=1e-12)


def test_labels_of_one_are_no_labels(clicks):
    plain = EASE(dataclasses.replace(clicks, weight=None))
    ones = EASE(dataclasses.replace(clicks, weight=np.ones(len(clicks))))
    np.testing.assert_array_equal(plain.weights, ones.weights)


def test_a_label_of_zero_leaves_the_click_in_the_history(clicks):
    model = EASE(clicks)
    assert np.count_nonzero(clicks.weight == 0)
    np.testing.assert_array_equal(model.histories.toarray(), dense(clicks))


def test_a_label_above_one_is_refused(clicks, caplog):
    heavy = dataclasses.replace(clicks, weight=np.linspace(0, 2.5, len(clicks)))
    message = rf"must be in \[0, 1\] for EASE.*Received: 2.5 in row {len(clicks) - 1}.*use 'als'"
    with pytest.raises(ValueError, match=message):
        EASE(heavy)
    assert not caplog.messages


@pytest.mark.parametrize("labels", ["none", "soft"])
def test_a_grid_that_shares_what_it_can_learns_what_each_does_alone(clicks, labels, monkeypatch):
    used = clicks if labels == "soft" else dataclasses.replace(clicks, weight=None)
    used = dataclasses.replace(used, timestamp=np.arange(len(clicks)) * 10_000)
    grid = {
        **{"l2": (2.0, 20.0), "popularity_weight": (0.0, 1.0), "half_life": (None, 2.0)},
        **{"dropout": (0.0, 0.3), "user_weight": (0.0, 0.5)},
    }
    monkeypatch.setattr(EASE, "GRID", grid)
    made = {"gramian": 0, "_invert": 0}
    for name in made:
        original = getattr(ease, name)

        def counted(*arguments, name=name, original=original):
            made[name] += 1
            return original(*arguments)

        monkeypatch.setattr(ease, name, counted)
    found = list(EASE.grid(used))
    assert made == {"gramian": 2, "_invert": 8}  # by user_weight; by l2, dropout, user_weight
    settings = [tuple(each.items()) for each, _ in found]
    assert len(set(settings)) == len(settings) == 32
    assert list(found[0][0]) == list(grid)
    for each, model in found:
        alone = EASE(used, **each)
        np.testing.assert_array_equal(model.weights, alone.weights)
        np.testing.assert_array_equal(model.score_all_items(USERS), alone.score_all_items(USERS))


def table(pairs, num_users=NUM_USERS, num_items=NUM_ITEMS):
    users, items = np.array(pairs, np.int32).reshape(-1, 2).T
    return Interactions(users, items, np.arange(num_users), np.arange(num_items))


def test_a_catalogue_that_needs_too_much_memory_is_refused():
    large = table([(0, 0)], 1, 30_001)
    expected = (
        "at most max_items=30,000 items. Received: 30,001 items, which take 7.2 GB in float64.*"
        "Use 'elsa' or 'item-knn', .*or raise `max_items`"
    )
    with pytest.raises(ValueError, match=expected):
        EASE(large, dtype="float64")
    with pytest.raises(ValueError, match="at most max_items=11 items. Received: 12 items"):
        EASE(table([(0, 0)]), max_items=11)
    assert EASE(table([(0, 0)]), max_items=12).num_items == 12


def test_a_matrix_that_cannot_be_inverted_is_refused(clicks):
    with pytest.raises(
        ValueError, match="`l2` must be so large that .* in float32. Received: l2=0.0. Raise `l2`"
    ):
        EASE(table([(0, 0)]), l2=0)


def test_an_inverse_that_is_wrong_is_said(caplog):
    """Two items of always the same users: X' X has a row twice, and l2 alone tells them apart."""
    pairs = [(user, item) for user in range(200) for item in (0, 1)] + [(0, 2)]
    EASE(table(pairs, 200, 3), l2=2e-4)
    (said,) = caplog.messages
    assert said.startswith("EASE's matrix is nearly singular: in float32 its inverse is wrong by ")
    assert said.endswith("Received: l2=0.0002. Raise `l2`, or use dtype='float64'.")
    EASE(table(pairs, 200, 3), l2=2e-4, dtype="float64")
    EASE(table(pairs, 200, 3), l2=1.0)
    assert len(caplog.messages) == 1
