"""What is counted, against pandas."""

import numpy as np
import pandas as pd
import pytest

from pipelines import statistics
from pipelines.settings import ValidationSettings
from pipelines.steps import statistics_gen
from pipelines.steps.example_validator import against_limits, divergence


def clicks(rng, rows=5000):
    user = rng.integers(0, 300, rows).astype(np.uint64)
    item = rng.integers(0, 40, rows).astype(np.uint64)
    return user, item, rng.uniform(0, 86_400, rows)


def counted(parts, count, place, *more):
    buckets = {}
    for part in parts:
        for bucket, cut in statistics_gen._cut(part, place):
            buckets.setdefault(bucket, []).append(cut)
    return statistics_gen._add([count(keyed, *more) for keyed in buckets.items()])


def test_degrees_and_repeated_pairs_equal_those_of_pandas():
    rng = np.random.default_rng(1)
    parts = [clicks(rng) for _ in range(3)]
    frame = pd.DataFrame(
        {
            "user": np.concatenate([p[0] for p in parts]),
            "item": np.concatenate([p[1] for p in parts]),
        }
    )
    users = counted(parts, statistics_gen.count_users, 0, 10**9)
    assert users["user_degrees"] == frame["user"].value_counts().value_counts().to_dict()
    assert users["duplicates"] == frame.duplicated().sum() > 0
    assert users["clicks"] == 15_000 and users["bots"] == 0
    items = counted(parts, statistics_gen.count_items, 1)
    assert items["item_degrees"] == frame["item"].value_counts().value_counts().to_dict()


@pytest.mark.parametrize("span, bots", [(3599.0, 1), (3600.0, 0)])
def test_a_burst_is_so_many_clicks_within_an_hour(span, bots):
    times = np.concatenate([np.linspace(0, span, 20), np.arange(40) * 3600.0])
    user = np.repeat(np.array([7, 8], np.uint64), [20, 40])
    part = user, np.arange(60, dtype=np.uint64), times
    found = counted([tuple(each[::-1] for each in part)], statistics_gen.count_users, 0, 20)
    assert (found["bots"], found["bot_rows"]) == (bots, 20 * bots)


def test_without_times_nobody_is_a_bot():
    part = np.zeros(50, np.uint64), np.arange(50, dtype=np.uint64), np.full(50, np.nan)
    assert counted([part], statistics_gen.count_users, 0, 10)["bots"] == 0


def test_gini_and_quantiles_by_hand():
    # Items of 1, 1, 2 and 4 clicks: the mean absolute difference of pairs is 1.25, the mean 2, and
    # Gini 1.25 / 4.
    degrees = {1: 2, 2: 1, 4: 1}
    assert statistics._gini(degrees) == pytest.approx(0.3125)
    assert statistics._gini({3: 5}) == pytest.approx(0.0)
    assert statistics._shares(degrees) == {"0": 0.25, "1": 0.25, "2": 0.5}
    assert statistics._quantiles(degrees) == {
        "min": 1,
        "10%": 1,
        "50%": 1,
        "90%": 4,
        "99%": 4,
        "max": 4,
    }


def test_divergence_by_hand():
    assert divergence({"a": 1.0}, {"a": 1.0}) == 0.0
    assert divergence({"a": 1.0}, {"b": 1.0}) == pytest.approx(1.0)
    # p = (1/2, 1/2), q = (1, 0): m = (3/4, 1/4); (.5 log2(2/3) + .5 log2 2) / 2 + log2(4/3) / 2 =
    # .3113
    assert divergence({"a": 0.5, "b": 0.5}, {"a": 1.0}) == pytest.approx(0.311278, abs=1e-6)


def test_a_column_that_some_batches_lack_is_missing_there():
    counts = {
        "kinds": {"INT": 3},
        "present": 3,
        "missing": 0,
        "sum": 6.0,
        "squares": 14.0,
        "min": 1.0,
        "max": 3.0,
    }
    (feature,) = (
        statistics_gen.to_proto({"rating": counts | {"zeros": 0}}, rows=5).datasets[0].features
    )
    assert feature.num_stats.common_stats.num_missing == 2
    assert (feature.num_stats.mean, feature.num_stats.std_dev) == (
        2.0,
        pytest.approx((2 / 3) ** 0.5),
    )


@pytest.mark.parametrize(
    "name, limit", [("duplicates", 0.5), ("bot_rows", 0.05), ("incomplete_rows", 0.0)]
)
def test_a_share_may_reach_its_limit_and_no_more(name, limit):
    feedback = {"rows": 1000, "duplicates": 0, "bot_rows": 0, "incomplete_rows": 0}
    assert against_limits(feedback | {name: int(limit * 1000)}, ValidationSettings()) == []
    assert len(against_limits(feedback | {name: int(limit * 1000) + 1}, ValidationSettings())) == 1
