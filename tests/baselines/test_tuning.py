"""Tuning chooses by the noisy validation, and the test is not even looked at."""

import types

import numpy as np
import pytest

from deca_tf._registry import Row
from deca_tf.baselines import BASELINES, Baseline, ItemKNN, Popularity
from deca_tf.data import Interactions
from deca_tf.evaluation import evaluate
from deca_tf.parts import OneOf, option
from reproduction.baselines import tune

NUM_USERS, NUM_ITEMS = 60, 30


class Split:
    """Train and validation; whoever touches the test, or what is seen by then, fails."""

    protocol = "clean"
    num_users, num_items = NUM_USERS, NUM_ITEMS

    def __init__(self):
        rng = np.random.default_rng(0)
        taste = rng.integers(3, size=NUM_USERS)[:, None] == np.arange(NUM_ITEMS) % 3
        part = rng.choice(3, (NUM_USERS, NUM_ITEMS), p=[0.6, 0.25, 0.15]) * (
            taste | (rng.random(taste.shape) < 0.2)
        )
        self.train, self.validation = (
            Interactions(*np.nonzero(part == number), np.arange(NUM_USERS), np.arange(NUM_ITEMS))
            for number in (1, 2)
        )

    @property
    def test(self):
        raise AssertionError("the test was read")

    def seen(self):
        raise AssertionError("what is left out of the test was read")


class Fixed(Baseline):
    """A baseline whose setting `quality` says how many validation pairs it ranks first."""

    quality: int = option(default=0, low=0, search=OneOf(0, 3, 9, 4), doc="Ninths.")
    unused: str = option(default="a", search=OneOf("a", "b"), doc="Nothing.")
    learned_from = []

    def setup(self, interactions):
        self.learned_from.append(interactions)
        relevant = Split().validation
        self.table = np.zeros((NUM_USERS, NUM_ITEMS), np.float32)
        chosen = relevant.user_id < self.quality * NUM_USERS // 9
        self.table[relevant.user_id[chosen], relevant.item_id[chosen]] = 1

    def score_all_items(self, user_ids):
        return self.table[user_ids]


@pytest.fixture
def fixed(monkeypatch):
    monkeypatch.setitem(BASELINES._rows, "fixed", Row(f"{__name__}:Fixed"))
    monkeypatch.setattr(
        "deca_tf._registry.importlib", types.SimpleNamespace(import_module=lambda name: this_module)
    )


this_module = types.SimpleNamespace(Fixed=Fixed)


def test_the_best_on_the_validation_is_kept_and_the_first_of_equals(fixed):
    split, told = Split(), []
    tuned = tune("fixed", split, progress=lambda *what: told.append(what))
    assert tuned.settings == {"quality": 9, "unused": "a"}
    assert all(interactions is split.train for interactions in Fixed.learned_from[-8:])
    assert [what[:2] for what in told] == [(number, 8) for number in range(1, 9)]
    assert [what[2]["quality"] for what in told] == [0, 0, 3, 3, 9, 9, 4, 4]
    recalls = [what[3] for what in told]
    assert (
        tuned.recall
        == max(recalls)
        == recalls[4]
        == recalls[5]
        > recalls[6]
        > recalls[2]
        > recalls[0]
    )
    np.testing.assert_array_equal(tuned.model.table, Fixed(split.train, quality=9).table)


@pytest.mark.parametrize("name", BASELINES.names)
def test_every_baseline_is_tuned_without_the_test(name, monkeypatch):
    cls = BASELINES.load(name)
    monkeypatch.setattr(cls, "GRID", {setting: values[:2] for setting, values in cls.GRID.items()})
    split = Split()
    tuned = tune(name, split)
    assert type(tuned.model) is cls
    assert set(tuned.settings) == set(cls.GRID) - {"half_life"}  # there are no timestamps
    evaluation = evaluate(tuned.model, split, part="validation", ks=(20,))
    assert tuned.recall == evaluation.metrics["recall@20"]


def test_a_baseline_without_settings_is_what_it_is():
    split = Split()
    tuned = tune("popularity", split)
    assert tuned.settings == {}
    np.testing.assert_array_equal(tuned.model.counts, Popularity(split.train).counts)


def test_every_weight_of_popularity_is_evaluated_as_a_model_learned_with_it(monkeypatch):
    monkeypatch.setattr(ItemKNN, "GRID", {"k": (2, 10), "popularity_weight": (0.0, 1000.0)})
    split, told = Split(), []
    tune("item-knn", split, progress=lambda *what: told.append(what[2:]))
    for settings, recall in told:
        alone = evaluate(ItemKNN(split.train, **settings), split, part="validation", ks=(20,))
        assert recall == alone.metrics["recall@20"]
    assert len({recall for _, recall in told}) > 1  # or the comparison would say nothing


def test_an_unknown_baseline_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="`baseline` must be one of .*Did you mean 'item-knn'"):
        tune("itemknn", Split())


@pytest.mark.parametrize("weights", [(0.0, 0.5), (0.5, 0.0), (3.0, 1.0)])
def test_the_chosen_settings_are_those_of_the_model(weights, monkeypatch):
    monkeypatch.setattr(ItemKNN, "GRID", {"k": (5, 10), "popularity_weight": weights})
    split = Split()
    tuned = tune("item-knn", split)
    users = np.arange(NUM_USERS)
    again = ItemKNN(split.train, **tuned.settings)
    np.testing.assert_array_equal(tuned.model.score_all_items(users), again.score_all_items(users))
