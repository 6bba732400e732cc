"""A refreshed version answers as one that was exported from all clicks, by the same weights."""

import json

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.baselines import EASE, Popularity
from deca_tf.data import Interactions
from deca_tf.serving import export, refresh
from deca_tf.serving._stored_variables import StoredVariables
from deca_tf.serving.deployment._native_loader import NativeModel
from deca_tf.serving.versions import complete_versions
from deca_tf.trends import Trending, trend_prior

K = 6
DAY = 86_400
NEW = [(9, 3), (9, 3), (20, 41), (2, 5), (2, 8)]  # user 2 had no clicks


def new_clicks(split, times=None, pairs=NEW):
    """Of users and items in an order of their own, and of one user and one item nobody knows."""
    users = np.array([str(raw) for raw in split.train.raw_user_ids[::-1]] + ["newcomer"])
    items = np.array([str(raw) for raw in split.train.raw_item_ids[::-1]] + ["novelty"])
    last_user, last_item = split.num_users - 1, split.num_items - 1
    rows = [(last_user - user, last_item - item) for user, item in pairs]
    rows += [(split.num_users, 0), (0, split.num_items)]
    user, item = np.array(rows, np.int32).T
    if times is not None:
        times = np.array([*times, times[-1], times[-1]], np.int64)
    return Interactions(user, item, users, items, timestamp=times)


def ask(version, signature="recommend", **inputs):
    signatures = tf.saved_model.load(str(version)).signatures
    given = {name: tf.constant(value) for name, value in inputs.items()}
    return {name: value.numpy() for name, value in signatures[signature](**given).items()}


def names(split, kind, rows):
    return [str(raw) for raw in getattr(split.train, f"raw_{kind}_ids")[rows]]


def best(scores, left_out, k=K):
    items = [item for item in range(len(scores)) if item not in left_out]
    return sorted(items, key=lambda item: (-scores[item], item))[:k]


def stored_by(version, name):
    return StoredVariables(version)[name]


@pytest.fixture(scope="module")
def ease(split, tmp_path_factory):
    """`(model, the refreshed version, what was said of it)`."""
    model, folder = EASE(split.train, l2=3.0), tmp_path_factory.mktemp("served")
    export(model, split, folder, k=K, weights_per_item=split.num_items, warmup_batch_sizes=(2,))
    found = refresh(folder, new_clicks(split))
    return model, found.version, found


def test_new_clicks_are_counted(ease, split):
    _, version, found = ease
    seen = split.seen().to_csr()
    fresh = {pair for pair in NEW if not seen[pair]}
    assert (found.clicks, found.taken, found.new_pairs) == (7, 5, len(fresh))
    assert (found.unknown_users, found.unknown_items) == (1, 1)
    manifest = json.loads((version / "assets.extra/manifest.json").read_text())
    assert (manifest["refreshed_from"], manifest["new_clicks"]) == (1, 5)


@pytest.mark.parametrize("user", [9, 20, 2])
def test_scores_are_of_the_longer_history_and_its_items_are_not_recommended(ease, split, user):
    model, version, _ = ease
    new = [item for owner, item in NEW if owner == user]
    history = sorted({*split.train.to_csr()[[user]].indices.tolist(), *new})
    expected = np.asarray(model.weights)[history].sum(axis=0) + model.bonus
    seen = {*split.seen().to_csr()[[user]].indices.tolist(), *new}
    items = best(np.float32(expected.round(5)), seen)
    answer = ask(version, user_id=names(split, "user", [user]))
    np.testing.assert_allclose(answer["score"][0], expected[items], rtol=1e-3, atol=1e-5)
    assert answer["known_user"].all()
    got = {each.decode() for each in answer["item_id"][0]}
    assert not got & {*names(split, "item", list(seen))}


def test_strangers_get_the_popularity_of_all_clicks(ease, split):
    _, version, _ = ease
    counts = np.bincount(split.train.item_id, minlength=split.num_items)
    seen = split.seen().to_csr()
    for _, item in {pair for pair in NEW if not seen[pair]}:
        counts[item] += 1
    answer = ask(version, user_id=["nobody"])
    np.testing.assert_array_equal(answer["score"][0], counts[best(counts, set())])


def test_the_servers_own_loader_answers_alike(ease, split):
    _, version, _ = ease
    users = np.array([each.encode() for each in names(split, "user", [9, 2])], object)
    with NativeModel(version) as native:
        answer = native.run("recommend", {"user_id": users})
    for name, value in ask(version, user_id=users).items():
        np.testing.assert_array_equal(answer[name], value)


def test_the_version_before_stays_as_it_was(ease, split):
    _, version, _ = ease
    assert sorted(complete_versions(version.parent)) == [1, 2]
    before = stored_by(version.parent / "1", "seen_items")
    assert len(before) == split.seen().to_csr().nnz


def test_vectors_that_are_made_of_histories_are_made_anew(split, make_target, tmp_path):
    target = make_target("cdae")
    export(target, split, tmp_path, k=K, warmup_batch_sizes=())
    version = refresh(tmp_path, new_clicks(split)).version
    users, rows = [9, 20, 2], []
    for user in users:
        new = [item for owner, item in NEW if owner == user]
        rows.append(sorted({*split.seen().to_csr()[[user]].indices.tolist(), *new}))
    given = [names(split, "item", row) + [""] * (split.num_items - len(row)) for row in rows]
    as_stranger = ask(version, "recommend_from_history", item_id=given)
    as_user = ask(version, user_id=names(split, "user", users))
    np.testing.assert_allclose(as_user["score"], as_stranger["score"], rtol=1e-4, atol=1e-5)
    assert as_user["known_user"].all()


def test_vectors_that_were_trained_stay_but_for_users_without_any(split, make_target, tmp_path):
    export(make_target("mf"), split, tmp_path, k=K, warmup_batch_sizes=())
    version = refresh(tmp_path, new_clicks(split)).version
    before, after = (stored_by(tmp_path / name, "search.queries") for name in ("1", "2"))
    changed = np.flatnonzero((before != after).any(axis=1))
    assert changed.tolist() == [2]
    assert ask(version, user_id=names(split, "user", [2]))["known_user"].all()


def test_a_network_forgets_no_click(split, make_target, tmp_path):
    export(make_target("neumf"), split, tmp_path, k=K, warmup_batch_sizes=())
    version = refresh(tmp_path, new_clicks(split)).version
    answer = ask(version, user_id=names(split, "user", [9]))
    assert names(split, "item", [3])[0].encode() not in answer["item_id"][0]


def timed(split, times):
    import dataclasses

    return dataclasses.replace(split, train=dataclasses.replace(split.train, timestamp=times))


def test_older_clicks_age_where_they_count_by_their_age(split, tmp_path):
    old = np.full(len(split.train), 100 * DAY)
    aged = timed(split, old)
    export(Popularity(aged.train, half_life=2.0), aged, tmp_path, k=K, warmup_batch_sizes=())
    times = [104 * DAY] * 3 + [102 * DAY] * 2  # two half-lives after the old ones, and one
    version = refresh(tmp_path, new_clicks(split, times)).version
    expected = np.bincount(split.train.item_id, minlength=split.num_items) / 4
    seen = split.seen().to_csr()
    for (user, item), left in {(9, 3): 1, (20, 41): 1, (2, 5): 0.5, (2, 8): 0.5}.items():
        expected[item] += 0.0 if seen[user, item] else left
    answer = ask(version, user_id=["nobody"])
    items = best(np.float32(expected), set())
    np.testing.assert_allclose(answer["score"][0], expected[items], rtol=1e-6)


def test_histories_age_too(split, tmp_path):
    aged = timed(split, np.full(len(split.train), 100 * DAY))
    model = EASE(aged.train, l2=3.0, half_life=2.0)
    export(model, aged, tmp_path, k=K, weights_per_item=50, warmup_batch_sizes=())
    version = refresh(tmp_path, new_clicks(split, [102 * DAY] * 5)).version
    histories = StoredVariables(version)
    splits = histories["search.histories.splits"]
    row = slice(splits[9], splits[10])
    columns, values = (histories[f"search.histories.{name}"][row] for name in ("columns", "values"))
    assert values[columns == 3] == 1.0
    np.testing.assert_allclose(values[columns != 3], 0.5)


def test_clicks_without_times_are_refused_where_age_counts(split, tmp_path):
    aged = timed(split, np.full(len(split.train), 100 * DAY))
    export(Popularity(aged.train, half_life=2.0), aged, tmp_path, k=K, warmup_batch_sizes=())
    with pytest.raises(ValueError, match="must have timestamps"):
        refresh(tmp_path, new_clicks(split))
    assert sorted(complete_versions(tmp_path)) == [1]


def test_a_version_that_cannot_be_refreshed_says_so(split, make_target, tmp_path):
    export(
        make_target("neumf"),
        split,
        tmp_path,
        k=K,
        retrieval=make_target("mf"),
        warmup_batch_sizes=(),
    )
    with pytest.raises(ValueError, match="must be one that can be refreshed"):
        refresh(tmp_path, new_clicks(split))


def test_a_trend_is_served_and_follows_new_clicks(split, tmp_path):
    times = 100 * DAY - np.arange(len(split.train)) * DAY // 40
    aged = timed(split, times)
    model = EASE(aged.train, l2=3.0)
    prior = trend_prior(aged.train, half_life=5, weight=0.5)
    decayed = np.bincount(
        aged.train.item_id, 2.0 ** -((times.max() - times) / DAY / 5), minlength=split.num_items
    )
    trending = Trending(model, prior, decayed, half_life=5, weight=0.5)
    export(trending, aged, tmp_path, k=K, weights_per_item=50, warmup_batch_sizes=())
    seen = set(split.seen().to_csr()[[9]].indices)
    scores = model.score_all_items([9])[0] + prior
    answer = ask(tmp_path / "1", user_id=names(split, "user", [9]))
    np.testing.assert_allclose(answer["score"][0], scores[best(scores, seen)], rtol=1e-4)
    strangers = ask(tmp_path / "1", user_id=["nobody"])
    np.testing.assert_allclose(
        strangers["score"][0], decayed[best(np.float32(decayed), set())], rtol=1e-5
    )

    version = refresh(tmp_path, new_clicks(split, [105 * DAY] * 5)).version  # one half-life later
    new = np.zeros(split.num_items)
    taken = split.seen().to_csr()
    for _, item in {pair for pair in NEW if not taken[pair]}:
        new[item] += 1.0
    clicks = np.bincount(split.train.item_id, minlength=split.num_items) + new
    decayed = decayed / 2 + new
    expected = clicks * decayed.sum() / clicks.sum()
    stored = StoredVariables(version)["search.prior"]
    np.testing.assert_allclose(
        stored, 0.5 * np.log((decayed + 10) / (expected + 10)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", ["mf", "neumf"])
def test_a_prior_is_added_to_the_scores_of_any_model(split, make_target, tmp_path, name):
    target, prior = make_target(name), np.linspace(3, -3, split.num_items).astype(np.float32)
    export(Trending(target, prior), split, tmp_path, k=K, warmup_batch_sizes=())
    users = np.array([9, 20], np.int32)
    answer = ask(tmp_path / "1", user_id=names(split, "user", users))
    logits = np.asarray(target.score_all_items(users)) + prior
    for row, user in enumerate(users):
        items = best(logits[row], set(split.seen().to_csr()[[user]].indices))
        np.testing.assert_allclose(answer["score"][row], logits[row][items], rtol=1e-4, atol=1e-5)
