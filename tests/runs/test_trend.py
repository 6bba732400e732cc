"""The trend of a run: chosen on the validation, applied to what is tested, read back."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from deca_tf.baselines import EASE, Popularity
from deca_tf.config import merge, resolve
from deca_tf.data import Interactions, Split, load_split
from deca_tf.evaluation import evaluate
from deca_tf.runs.load import load_run
from deca_tf.runs.run import run
from deca_tf.runs.trend import (
    HALF_LIVES,
    asks_for_trend,
    choose_trend,
    decayed_popularity,
    with_trend,
)
from deca_tf.trends import Trending, trend_prior

DAY = 86_400


def time(**settings):
    return resolve(overrides={"time": settings})


@pytest.fixture(scope="module")
def fashion():
    """A split in which each day has a fashion: three new items that all users of the day take.

    Of the validation's pairs all are on the fashion of train's last day.
    """
    rng = np.random.default_rng(0)
    rows = [
        (user, 3 * day + int(item), day * DAY + int(user))
        for day in range(30)
        for user in rng.choice(200, 20, replace=False)
        for item in rng.permutation(3)[:2]
    ]
    user, item, timestamp = (np.array(column) for column in zip(*rows, strict=True))
    # A classic that many take early on is the most popular item, and of no use today.
    early = np.arange(200)
    user, item = np.append(user, early), np.append(item, np.full(200, 90))
    timestamp = np.append(timestamp, early)
    sizes = np.arange(200), np.arange(91)
    train = Interactions(user, item, *sizes, timestamp=timestamp).distinct()
    taken = set(train.user_id[np.isin(train.item_id, (87, 88, 89))].tolist())
    later = np.array([user for user in range(200) if user not in taken])[:60]
    held = Interactions(later, np.full(60, 87) + later % 3, *sizes, timestamp=np.full(60, 31 * DAY))
    parts = train, held.take(np.arange(30)), held.take(np.arange(30, 60))
    return Split(*parts, protocol="timeline", name="fashion")


@pytest.mark.parametrize(
    "settings, asked",
    [
        ({}, False),
        ({"click_half_life": 3.0}, False),
        ({"trend_weight": 0}, False),
        ({"trend_weight": 0, "trend_half_life": 3.0}, False),
        ({"trend_weight": 1.5}, True),
        ({"trend_half_life": 3.0}, True),
        ({"trend_weight": "auto"}, True),
    ],
)
def test_a_trend_is_asked_for_by_either_of_its_settings(settings, asked, fashion):
    assert asks_for_trend(time(**settings)) == asked
    if not asked:
        assert choose_trend(time(**settings), Popularity(fashion.train), fashion) is None


def test_what_is_set_is_taken_and_evaluated(fashion):
    model = Popularity(fashion.train)
    trend = choose_trend(time(trend_weight=9.0, trend_half_life=2.0), model, fashion)
    assert (trend["half_life"], trend["weight"]) == (2.0, 9.0)
    own = Trending(model, trend_prior(fashion.train, 2.0, 9.0))
    assert trend["validation"] == evaluate(own, fashion, part="validation", ks=(20,)).metrics


def test_what_is_not_set_is_chosen_by_the_validation(fashion):
    model = EASE(fashion.train)
    bare = evaluate(model, fashion, part="validation", ks=(20,))
    trend = choose_trend(time(trend_weight="auto"), model, fashion)
    assert trend["half_life"] in HALF_LIVES
    assert trend["weight"] > 0
    assert trend["validation"]["recall@20"] == 1.0 > bare["recall@20"]
    trending = with_trend(model, fashion, trend)
    assert evaluate(trending, fashion)["recall@20"] > evaluate(model, fashion)["recall@20"]
    days = choose_trend(time(trend_half_life=90.0), model, fashion)
    assert days["half_life"] == 90.0
    weight = choose_trend(time(trend_weight=0.5), model, fashion)
    assert (weight["weight"], weight["half_life"] in HALF_LIVES) == (0.5, True)


def test_a_trend_that_helps_nobody_is_none(fashion):
    """Tomorrow's fashion is the oldest one: whatever follows the newest does worse."""
    train = fashion.train
    backwards = dataclasses.replace(train, timestamp=train.timestamp.max() - train.timestamp)
    split = dataclasses.replace(fashion, train=backwards, protocol="clean", leaks=None)
    scores = np.zeros(split.num_items, np.float32)
    scores[87:] = 1

    class Knowing:
        def score_all_items(self, user_ids):
            return np.broadcast_to(scores, (len(user_ids), len(scores)))

    assert choose_trend(time(trend_weight="auto"), Knowing(), split) is None
    assert isinstance(with_trend(Knowing(), split, None), Knowing)


def test_popularity_is_decayed_as_the_validation_likes_it(fashion):
    half_life, model = decayed_popularity(fashion)
    reached = {
        days: evaluate(
            Popularity(fashion.train, half_life=days), fashion, part="validation", ks=(20,)
        )["recall@20"]
        for days in HALF_LIVES
    }
    assert reached[half_life] == max(reached.values()) == 1.0
    assert half_life == next(days for days in HALF_LIVES if reached[days] == 1.0)
    again = decayed_popularity(fashion.for_refit())
    assert again[0] == half_life
    both = fashion.for_refit().train
    np.testing.assert_array_equal(again[1].counts, Popularity(both, half_life=half_life).counts)
    assert model.counts[87] != again[1].counts[87]
    untimed = dataclasses.replace(fashion.train, timestamp=None)
    assert decayed_popularity(dataclasses.replace(fashion, train=untimed)) is None


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    rng = np.random.default_rng(1)
    pairs = rng.permutation(40 * 30)[:600]
    table = pd.DataFrame({"user": pairs // 30, "item": pairs % 30, "time": np.arange(600) * 9000})
    path = tmp_path_factory.mktemp("data") / "clicks.csv"
    table.to_csv(path, index=False)
    return path


def settings(clicks, *more):
    return resolve(overrides=merge({"data": {"dataset": str(clicks)}}, *more))


def test_a_run_is_tested_with_the_trend_of_all_before_the_test(clicks, tmp_path):
    more = {
        "backbone": {"name": "ease", "l2": 5.0},
        "time": {"trend_weight": 2.0, "trend_half_life": 7.0},
    }
    metrics = run(settings(clicks, more), tmp_path / "run", show_progress=False)
    whole = load_split(clicks).for_refit()
    own = Trending(EASE(whole.train, l2=5.0), trend_prior(whole.train, 7.0, 2.0))
    assert metrics["test"] == evaluate(own, whole).metrics
    assert (metrics["trend"]["half_life"], metrics["trend"]["weight"]) == (7.0, 2.0)
    stored, model, split = load_run(tmp_path / "run")
    assert isinstance(model, Trending) and isinstance(model.model, EASE)
    assert evaluate(model, split).metrics == stored["test"]
    assert metrics["popularity_half_life"] in HALF_LIVES
    decayed = Popularity(whole.train, half_life=metrics["popularity_half_life"])
    assert metrics["test_decayed_popularity"] == evaluate(decayed, whole).metrics


def test_the_trend_of_a_trained_model_survives_an_interruption(clicks, tmp_path, monkeypatch):
    more = {
        "backbone": {"name": "mf", "embedding_dim": 4},
        "denoiser": {"name": "none"},
        "training": {"epochs": 2, "jit_compile": False},
        "time": {"trend_half_life": 7.0, "trend_weight": 3.0},
    }
    config = settings(clicks, more)
    whole = run(config, tmp_path / "whole", show_progress=False)

    def die(*arguments):
        raise InterruptedError

    from deca_tf.runs.folder import RunFolder

    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(RunFolder, "finish", die)
        run(config, tmp_path / "torn", show_progress=False)
    choice = json.loads((tmp_path / "torn/choice.json").read_text())
    assert choice["notes"]["trend"] == whole["trend"]
    torn = run(config, tmp_path / "torn", show_progress=False)
    assert (torn["test"], torn["trend"]) == (whole["test"], whole["trend"])


def test_clicks_that_age_weigh_less_in_the_loss(clicks):
    from deca_tf.denoisers import CrossEntropy
    from deca_tf.runs.batches import build_batches

    split = load_split(clicks)
    config = settings(clicks, {"time": {"click_half_life": 10.0}, "training": {"batch_size": 480}})
    batches = build_batches(config, split, CrossEntropy(), 0)[0]
    inputs, _, weight = next(iter(batches))
    newest, when = (
        split.train.timestamp.max(),
        dict(zip(split.train.pair_key.tolist(), split.train.timestamp.tolist(), strict=True)),
    )
    users, items = (np.asarray(inputs[name])[:, 0] for name in ("user_id", "item_id"))
    age = [
        newest - when[int(user) * split.num_items + int(item)]
        for user, item in zip(users, items, strict=True)
    ]
    expected = 2.0 ** (-np.array(age) / (10 * DAY))
    np.testing.assert_allclose(
        np.asarray(weight).reshape(len(users), -1)[:, 0], expected, rtol=1e-4
    )


@pytest.mark.parametrize("key", ["click_half_life", "trend_half_life", "trend_weight"])
def test_time_is_refused_where_there_is_none(key, clicks, tmp_path):
    more = {"data": {"options": {"timestamp_column": ""}}, "time": {key: 3.0}}
    with pytest.raises(ValueError, match=f"`time.{key}` must be unset where clicks have no timest"):
        run(settings(clicks, more), tmp_path / "run", show_progress=False)


def test_clicks_do_not_age_in_the_loss_of_a_model_that_has_none(clicks, tmp_path):
    more = {"backbone": {"name": "ease"}, "time": {"click_half_life": 3.0}}
    with pytest.raises(ValueError, match="`time.click_half_life` must be unset with model 'ease'"):
        run(settings(clicks, more), tmp_path / "run", show_progress=False)
