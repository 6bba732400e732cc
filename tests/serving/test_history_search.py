"""Exported item-to-item models answer as sums over a history, worked out here in NumPy."""

import json

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.baselines import EASE, ItemKNN
from deca_tf.serving import export
from deca_tf.serving.deployment._native_loader import NativeModel

K = 6
MODELS = {"ease": lambda train: EASE(train, l2=3.0), "item-knn": lambda train: ItemKNN(train, k=8)}


@pytest.fixture(scope="module", params=MODELS)
def served(request, split, tmp_path_factory):
    """`(model, version's folder, its signatures, what keeps them alive)`."""
    model = MODELS[request.param](split.train)
    folder = tmp_path_factory.mktemp("served")
    version = export(
        model, split, folder, k=K, weights_per_item=split.num_items, warmup_batch_sizes=(2,)
    )
    loaded = tf.saved_model.load(str(version))
    return model, version, loaded.signatures, loaded


def weights_of(model):
    """Row i: what a taken item i adds to every item."""
    return np.asarray(
        model.weights.todense() if hasattr(model.weights, "todense") else model.weights
    )


def ids(split, kind, rows):
    return tf.constant([str(raw) for raw in getattr(split.train, f"raw_{kind}_ids")[rows]])


def best(scores, left_out, k=K):
    """Item ids by falling score, then by id."""
    items = [item for item in range(len(scores)) if item not in left_out]
    return sorted(items, key=lambda item: (-scores[item], item))[:k]


def test_a_known_user_is_ranked_by_what_his_history_adds(served, split):
    model, _, signatures, _ = served
    weights, taken = weights_of(model), split.train.to_csr()
    seen = split.seen().to_csr()
    users = [9, 20, 31]
    answer = signatures["recommend"](user_id=ids(split, "user", users))
    for row, user in enumerate(users):
        scores = taken[[user]].indices
        expected = weights[scores].sum(axis=0) + model.bonus
        items = best(np.float32(expected.round(5)), set(seen[[user]].indices))
        np.testing.assert_allclose(answer["score"][row], expected[items], rtol=1e-4, atol=1e-5)
        assert answer["known_user"][row]


def test_a_user_without_history_is_answered_by_popularity(served, split):
    _, _, signatures, _ = served
    answer = signatures["recommend"](user_id=tf.constant(["nobody"]))
    popularity = np.bincount(split.train.item_id, minlength=split.num_items)
    expected = ids(split, "item", best(popularity, set())).numpy()
    assert answer["item_id"][0].numpy().tolist() == expected.tolist()
    assert not answer["known_user"][0]


def test_a_stranger_is_ranked_by_the_history_of_his_request(served, split):
    model, _, signatures, _ = served
    history = [3, 17, 40]
    expected = weights_of(model)[history].sum(axis=0) + model.bonus
    given = tf.concat([ids(split, "item", history)[None], tf.constant([["", "unheard of"]])], 1)
    answer = signatures["recommend_from_history"](item_id=given)
    items = best(np.float32(expected.round(5)), set(history))
    np.testing.assert_allclose(answer["score"][0], expected[items], rtol=1e-4, atol=1e-5)
    assert answer["unknown_items"].numpy().tolist() == [1]
    assert answer["known_history"].numpy().all()


def test_similar_items_are_those_with_the_largest_weight(served, split):
    model, _, signatures, _ = served
    answer = signatures["similar_items"](item_id=ids(split, "item", [7]))
    row = weights_of(model)[7]
    items = best(np.float32(row), {7})
    np.testing.assert_allclose(answer["score"][0], row[items], rtol=1e-5, atol=1e-7)


def test_a_score_is_no_probability_and_a_history_has_none(served, split):
    model, _, signatures, _ = served
    history = split.train.to_csr()[[9]].indices
    pair = {"user_id": ids(split, "user", [9, 9]), "item_id": ids(split, "item", [2, 30])}
    answer = signatures["score"](**pair)
    assert "probability" not in answer
    expected = weights_of(model)[history].sum(axis=0) + model.bonus
    np.testing.assert_allclose(answer["score"], expected[[2, 30]], rtol=1e-4, atol=1e-6)
    told = signatures["history"](user_id=ids(split, "user", [9]))
    assert set(told) == {"item_id", "known_user"}
    seen = ids(split, "item", split.seen().to_csr()[[9]].indices).numpy()
    assert sorted(filter(None, told["item_id"][0].numpy())) == sorted(seen)


def test_the_server_own_loader_answers_alike(served, split):
    _, version, signatures, _ = served
    users = ids(split, "user", [9, 20, 2])
    with NativeModel(version) as native:
        answer = native.run("recommend", {"user_id": users.numpy()})
    expected = signatures["recommend"](user_id=users)
    for name, value in expected.items():
        np.testing.assert_array_equal(answer[name], value.numpy())


def test_the_manifest_tells_how_many_weights_are_shipped(served, split):
    model, version, _, _ = served
    facts = json.loads((version / "assets.extra/manifest.json").read_text())["item_weights"]
    assert facts["recall@20"] == facts["recall@20 exact"]
    entries = np.count_nonzero(weights_of(model))
    assert facts["bytes"] == 8 * entries + 8 * (split.num_items + 1)
