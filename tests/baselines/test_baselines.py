"""Baselines against dense formulas that share no code with them.

And what holds for each row of the registry.
"""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from deca_tf.baselines import BASELINES, Baseline, Popularity
from deca_tf.baselines.popularity import popularity_bonus
from deca_tf.data import Interactions

NUM_USERS, NUM_ITEMS = 40, 12
LEARNED = ("als", "ease", "item-knn")


def table(pairs, num_users=NUM_USERS, num_items=NUM_ITEMS):
    users, items = np.array(pairs, np.int32).reshape(-1, 2).T
    return Interactions(users, items, np.arange(num_users), np.arange(num_items))


@pytest.fixture(scope="module")
def clicks():
    """Users 0 and 1 have no history, item 11 no users; item ids do not follow popularity."""
    rng = np.random.default_rng(3)
    share = rng.permutation(np.linspace(0.1, 0.6, NUM_ITEMS))
    taken = rng.random((NUM_USERS, NUM_ITEMS)) < share
    taken[:2], taken[:, 11] = False, False
    return table(np.argwhere(taken))


def dense(clicks):
    matrix = np.zeros((clicks.num_users, clicks.num_items))
    matrix[clicks.user_id, clicks.item_id] = 1
    return matrix


def build(name, clicks, **options):
    return BASELINES.build(name, interactions=clicks, options=options)


def everybody(baseline):
    return np.asarray(baseline.score_all_items(np.arange(NUM_USERS, dtype=np.int32)))


# What holds for all.


@pytest.mark.parametrize("name", LEARNED)
def test_users_without_history_get_popularity(name, clicks):
    scores = everybody(build(name, clicks))[:2]
    popularity = everybody(Popularity(clicks))[:2]
    np.testing.assert_array_equal(
        np.argsort(-scores, axis=1, kind="stable"), np.argsort(-popularity, axis=1, kind="stable")
    )
    for a in range(
        NUM_ITEMS
    ):  # what is equally popular scores the same, so that ties go to the lower id
        np.testing.assert_array_equal(scores[0] == scores[0, a], popularity[0] == popularity[0, a])


@pytest.mark.parametrize("name", ["ease", "item-knn"])
def test_popularity_breaks_ties_of_users_with_history_and_changes_nothing_else(name):
    """User 0 took item 0, which went together with item 1 only.

    Items 2, 3 and 4 are unknown to the model.
    """
    pairs = [(0, 0), (1, 0), (1, 1), (2, 1), (3, 3), (4, 3), (4, 4), (5, 3), (5, 4), (6, 2), (7, 3)]
    scores = np.asarray(build(name, table(pairs, 8, 5)).score_all_items(np.array([0])))[0]
    # Item 0 itself is no candidate. Popularity 4, 2, 1 ranks items 3, 4, 2, all of them below item
    # 1.
    assert scores[1] > 1e-3
    assert 1e-20 > scores[3] > scores[4] > scores[2] > 0
    bonus = popularity_bonus(table(pairs, 8, 5), 0)
    assert np.float32(1e-20) + bonus.max() == np.float32(1e-20)
    assert bonus.min() > np.finfo(np.float32).tiny  # no processor may take it for 0


@pytest.mark.parametrize("name", LEARNED)
def test_popularity_weight_adds_the_share_of_users(name, clicks):
    plain, weighted = (
        everybody(build(name, clicks, popularity_weight=weight)) for weight in (0.0, 0.5)
    )
    share = dense(clicks).sum(axis=0) / 38  # users with history
    np.testing.assert_allclose(weighted - plain, np.tile(0.5 * share, (NUM_USERS, 1)), atol=1e-6)


@pytest.mark.parametrize("name", BASELINES.names)
def test_contract(name, clicks):
    model = build(name, clicks)
    assert (model.num_users, model.num_items) == (NUM_USERS, NUM_ITEMS)
    scores = np.asarray(model.score_all_items(np.array([5, 0, 5], np.int32)))
    assert scores.shape == (3, NUM_ITEMS)
    assert scores.dtype.kind == "f" and np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[2])
    np.testing.assert_allclose(scores, everybody(model)[[5, 0, 5]], rtol=1e-5, atol=1e-30)
    for setting, values in BASELINES.load(name).GRID.items():
        for value in values:
            BASELINES.check_options(name, {setting: value})


@pytest.mark.parametrize("name", BASELINES.names)
def test_scores_are_of_one_of_two_forms_that_can_be_shipped(name, clicks):
    """Dot products of users' and items' vectors, or sums of the weights of what a user took."""
    model, scores = build(name, clicks), everybody(build(name, clicks))
    assert model.is_factorized != hasattr(model, "weights")
    if model.is_factorized:
        users, items = np.arange(NUM_USERS), np.arange(NUM_ITEMS)
        queries, candidates = model.query_embedding(users), model.candidate_embedding(items)
        assert queries.dtype == candidates.dtype == np.float32
        assert queries.shape[1] == candidates.shape[1]
        np.testing.assert_array_equal(queries @ candidates.T, scores)
        return
    weights = np.zeros((NUM_ITEMS, NUM_ITEMS)) + model.weights
    for user in range(NUM_USERS):
        taken = clicks.item_id[clicks.user_id == user]
        assert model.histories[[user]].indices.tolist() == sorted(taken)
        expected = sum((weights[item] for item in taken), model.bonus)
        np.testing.assert_allclose(scores[user], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", LEARNED)
def test_a_grid_gives_what_is_learned_with_each_of_the_settings_alone(name, clicks):
    grid = BASELINES.load(name).grid
    some = [
        {"popularity_weight": weight, key: value}
        for key, value in (("l2", 30.0), ("l2", 5.0)) * (name != "item-knn") or (("k", 2), ("k", 5))
        for weight in (0.0, 2.0)
    ]
    found = list(grid(clicks, some))
    assert [settings for settings, _ in found] == some
    for settings, model in found:
        np.testing.assert_array_equal(
            everybody(model), everybody(build(name, clicks, **settings)), str(settings)
        )
    with pytest.raises(TypeError, match="neighbours"):
        list(grid(clicks, [{"neighbours": 3}]))


@pytest.mark.parametrize("name", ["ease", "item-knn"])
def test_with_a_half_life_old_clicks_of_a_history_count_less(name, clicks):
    """Weights are learned from all clicks alike; the score of a user is made of decayed ones."""
    age = np.arange(len(clicks)) % 10
    timed = dataclasses.replace(clicks, timestamp=86_400 * (100 - age))
    model = build(name, timed, half_life=5.0)
    decayed = np.zeros((NUM_USERS, NUM_ITEMS))
    decayed[clicks.user_id, clicks.item_id] = 0.5 ** (age / 5)
    weights = np.zeros((NUM_ITEMS, NUM_ITEMS)) + build(name, clicks).weights
    np.testing.assert_allclose(everybody(model), decayed @ weights, rtol=1e-4, atol=1e-6)
    with pytest.raises(
        ValueError, match="`half_life` must be None where clicks have no timestamps"
    ):
        build(name, clicks, half_life=5.0)


@pytest.mark.parametrize("name", BASELINES.names)
def test_nothing_to_learn_from_is_no_failure(name):
    assert not np.abs(everybody(build(name, table([])))).max() > 0


@pytest.mark.parametrize("name", LEARNED)
def test_a_repeated_pair_counts_once_in_what_is_learned(name):
    pairs = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 0), (2, 2), (2, 3)]
    once, twice = (build(name, table(clicks)) for clicks in (pairs, pairs + pairs[:1]))
    np.testing.assert_allclose(everybody(once), everybody(twice), rtol=1e-6, atol=1e-30)


# Of the package implicit 0.7.3 with alpha = (1 + .25) / .25 and regularization 10, which stand for
# these, solved by Cholesky; mean of three seeds, .2233 to .2256.
AS_IMPLICIT = {"unobserved_weight": 0.25, "frequency_scaling": 0.0, "l2": 0.005557}


@pytest.mark.parametrize(
    ("name", "options", "part", "recall", "within"),
    [
        ("ease", {"l2": 200.0}, "test", 0.2610, 2e-4),
        ("als", {**AS_IMPLICIT, "iterations": 50}, "validation", 0.2246, 3e-3),
    ],
)
def test_recall_on_movielens(name, options, part, recall, within, data_dir):
    """Figures measured with other code, and for `als` from other first vectors."""
    from deca_tf.data import load_split
    from deca_tf.evaluation import evaluate

    split = load_split("ml-100k", data_dir=data_dir)
    evaluation = evaluate(build(name, split.train, **options), split, part=part, ks=(20,))
    assert evaluation.metrics["recall@20"] == pytest.approx(recall, abs=within)


# Errors.


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("item-knn", {"k": 0}, "`k` must be an integer of at least 1. Received: k=0"),
        (
            "item-knn",
            {"shrink": -1},
            "`shrink` must be a finite number of at least 0. Received: shrink=-1",
        ),
        ("ease", {"l2": -1.0}, "`l2` must be a finite number of at least 0. Received: l2=-1.0"),
        (
            "ease",
            {"dtype": "float16"},
            "`dtype` must be one of 'float32', 'float64'. Received: dtype='float16'",
        ),
        (
            "ease",
            {"popularity_weight": -1},
            "`popularity_weight` must be .* Received: popularity_weight=-1",
        ),
        (
            "als",
            {"factors": 2.5},
            "`factors` must be an integer of at least 1. Received: factors=2.5",
        ),
        (
            "als",
            {"unobserved_weight": -1},
            "`unobserved_weight` must be a finite number of at least 0",
        ),
        ("als", {"frequency_scaling": 1.5}, r"`frequency_scaling` must be .* in \[0, 1\]"),
        ("als", {"l2": 0}, "`l2` must be above 0"),
        ("als", {"l2": float("nan")}, "`l2` must be a finite number"),
        (
            "als",
            {"neighbours": 3},
            "The options of baseline 'als' are .*Received: baseline.neighbours=3",
        ),
    ],
)
def test_settings_out_of_range_are_refused(name, options, message, clicks):
    with pytest.raises(ValueError, match=message):
        BASELINES.build(name, interactions=clicks, options=options)


def test_no_baseline_loads_tensorflow_before_it_is_asked_for_a_graph():
    code = (
        "import sys, numpy as np\nfrom deca_tf.baselines import BASELINES\n"
        "from deca_tf.data import Interactions\nids = np.arange(4)\n"
        "for name in BASELINES.names:\n"
        "    BASELINES.build(name, interactions=Interactions(ids, ids, ids, ids))\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Counted(Baseline):
    """Does not look at weights, and does not say so itself."""

    def setup(self, interactions):
        pass


def test_a_baseline_says_that_it_does_not_use_weights(caplog):
    ids = np.array([0, 1, 1]), np.array([0, 0, 1])
    clicks = Interactions(*ids, np.arange(2), np.arange(2), weight=[1.0, 5.0, 0.5])
    Counted(dataclasses.replace(clicks, weight=None))
    Popularity(clicks)
    assert not caplog.messages
    Counted(clicks)
    assert caplog.messages == [
        "Counted counts each click once: the weights of the interactions are not used."
    ]
