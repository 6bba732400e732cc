"""ALS against least squares of each vector alone, and against a case known in closed form."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.baselines import ImplicitALS
from deca_tf.data import Interactions

NUM_USERS, NUM_ITEMS = 40, 12
USERS, ITEMS = np.arange(NUM_USERS), np.arange(NUM_ITEMS)


@pytest.fixture(scope="module")
def clicks():
    """Users 0 and 1 have no history, item 11 no users."""
    rng = np.random.default_rng(3)
    taken = rng.random((NUM_USERS, NUM_ITEMS)) < rng.permutation(np.linspace(0.1, 0.6, NUM_ITEMS))
    taken[:2], taken[:, 11] = False, False
    return Interactions(*np.nonzero(taken), USERS, ITEMS)


def with_weights(clicks):
    weight = np.random.default_rng(4).choice([0.0, 0.5, 1.0, 3.0], len(clicks))
    ids = clicks.user_id, clicks.item_id, clicks.raw_user_ids, clicks.raw_item_ids
    return Interactions(*ids, weight=weight)


def dense(clicks):
    matrix = np.zeros((NUM_USERS, NUM_ITEMS))
    matrix[clicks.user_id, clicks.item_id] = 1 if clicks.weight is None else clicks.weight
    return matrix


def regression(confidence, vectors, unobserved_weight, penalty):
    """The best vector of one row, by least squares on stacked rows."""
    root = np.sqrt(confidence)[:, None]
    rows = [root * vectors, np.sqrt(unobserved_weight) * vectors]
    rows.append(np.sqrt(penalty) * np.eye(vectors.shape[1]))
    wanted = np.zeros(2 * len(vectors) + vectors.shape[1])
    wanted[: len(vectors)] = root[:, 0]
    return np.linalg.lstsq(np.vstack(rows), wanted, rcond=None)[0]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("unobserved_weight", [0.05, 1.0])
def test_each_vector_solves_its_own_regression(clicks, weighted, power, unobserved_weight):
    used = with_weights(clicks) if weighted else clicks
    settings = {"unobserved_weight": unobserved_weight, "frequency_scaling": power}
    model = ImplicitALS(used, factors=4, l2=0.1, iterations=300, **settings)
    confidence = dense(used)
    sides = [
        (confidence, model.user_factors, model.item_factors),
        (confidence.T, model.item_factors, model.user_factors),
    ]
    totals = [rows.sum(axis=1) + unobserved_weight * rows.shape[1] for rows, _, _ in sides]
    known = np.concatenate(
        [total[rows.sum(axis=1) > 0] for total, (rows, _, _) in zip(totals, sides, strict=True)]
    )
    scale = known.sum() / (known**power).sum()
    for total, (rows, found, others) in zip(totals, sides, strict=True):
        for row in range(len(rows)):
            penalty = scale * 0.1 * total[row] ** power
            expected = regression(rows[row], others.astype(float), unobserved_weight, penalty)
            np.testing.assert_allclose(found[row], expected, atol=2e-4)
    scores = model.score_all_items(USERS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, model.user_factors @ model.item_factors.T, atol=1e-6)


def test_where_all_pairs_weigh_the_same_it_is_the_svd_with_shrunk_singular_values(clicks):
    """With a the unobserved weight, scores times 1 + a fit 1 and 0 with weights 1 + a and a.

    The penalty is then l2 (1 + a) / a. For a large a both weights are the same.
    """
    l2, a = 1.5, 1e4
    left, values, right = np.linalg.svd(dense(clicks), full_matrices=False)
    assert values[5] > l2 + 0.1  # so that six factors are six singular values
    shrunk = np.where(np.arange(len(values)) < 6, np.maximum(values - l2, 0), 0)
    settings = {
        "factors": 6,
        "l2": l2 / ImplicitALS(clicks, l2=1.0, iterations=1, **flat(a)).penalty,
    }
    model = ImplicitALS(clicks, iterations=1000, **settings, **flat(a))
    scores = (1 + a) * model.score_all_items(USERS)
    np.testing.assert_allclose(scores, (left * shrunk) @ right, atol=5e-3)


def flat(a):
    return {"unobserved_weight": a, "frequency_scaling": 0.0}


@pytest.mark.parametrize("unobserved_weight", [0.1, 0.0])
def test_a_history_gets_the_vector_that_training_gives_its_user(clicks, unobserved_weight):
    model = ImplicitALS(clicks, factors=5, unobserved_weight=unobserved_weight)
    assert model.is_factorized and model.embeds_histories
    histories = [np.random.permutation(clicks.item_id[clicks.user_id == u]) for u in USERS]
    padded = np.full((NUM_USERS, NUM_ITEMS), NUM_ITEMS, np.int32)
    for user, history in enumerate(histories):
        padded[user, : len(history)] = history
    expected = model.query_embedding(USERS)
    assert not expected[0, :-1].any() and expected[5, :-1].any()
    np.testing.assert_allclose(model.history_embedding(padded), expected, atol=1e-4)


def test_the_embedding_of_histories_is_a_graph_of_variables(clicks):
    """What is exported of it: any number of histories of any length, and the items once."""
    model = ImplicitALS(clicks, factors=5)
    specs = [tf.TensorSpec([None, None], tf.int32)]
    traced = tf.function(model.history_embedding, input_signature=specs).get_concrete_function()
    assert sorted(tuple(each.shape) for each in traced.variables) == [(5, 5), (NUM_ITEMS, 5)]
    for shape in ((3, 4), (1, 2), (2, 0), (0, 3)):
        padded = np.full(shape, NUM_ITEMS, np.int32)
        padded[:, :1] = 7
        expected = model.history_embedding(tf.constant(padded))
        np.testing.assert_allclose(traced(tf.constant(padded)), expected, atol=1e-6)


def test_it_repeats_itself_and_starts_from_its_seed(clicks):
    settings = {"factors": 4, "iterations": 2}
    first, again, other = (
        ImplicitALS(clicks, seed=seed, **settings).score_all_items(USERS) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4


def test_a_click_of_weight_zero_is_none(clicks):
    ids = clicks.user_id, clicks.item_id, clicks.raw_user_ids, clicks.raw_item_ids
    weight = np.ones(len(clicks))
    weight[::3] = 0
    fewer = ImplicitALS(clicks.take(weight > 0), factors=4)
    weighted = ImplicitALS(Interactions(*ids, weight=weight), factors=4)
    np.testing.assert_array_equal(weighted.user_factors, fewer.user_factors)


@pytest.mark.parametrize("factor", [2.0])
def test_weights_say_how_much_a_click_counts_and_not_how_much_all_do(clicks, factor):
    """Twice the weight and twice the unobserved weight: twice the objective at nu = 1."""
    ids = clicks.user_id, clicks.item_id, clicks.raw_user_ids, clicks.raw_item_ids
    doubled = Interactions(*ids, weight=np.full(len(clicks), factor))
    once = ImplicitALS(clicks, factors=4, unobserved_weight=0.1)
    twice = ImplicitALS(doubled, factors=4, unobserved_weight=0.1 * factor)
    np.testing.assert_allclose(twice.user_factors, once.user_factors, atol=1e-5)
