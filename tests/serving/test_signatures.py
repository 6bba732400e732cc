"""Every signature of every model against its definition in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import BACKBONES
from deca_tf.serving import export

FACTORIZED = ("mf", "gmf", "lightgcn", "cdae", "elsa")
BATCHES = (0, 1, 7, 64)


def strings(values):
    return (
        np.vectorize(bytes.decode, otypes=[object])(values)
        if values.size
        else values.astype(object)
    )


def ask(version, signature, **inputs):
    """Asks a loaded version; strings come back as `str`."""
    given = {
        name: tf.constant(np.asarray(values, dtype=object), tf.string)
        for name, values in inputs.items()
    }
    answer = {name: value.numpy() for name, value in version.signatures[signature](**given).items()}
    return {
        name: strings(value) if value.dtype == object else value for name, value in answer.items()
    }


@pytest.fixture(scope="module")
def shipped(split, make_target, tmp_path_factory):
    """Function from a backbone's name to the model and its loaded version.

    Titles for the first ten items.
    """
    known = {}

    def ship(name):
        if name not in known:
            target = make_target(name)
            titles = {f"Stück {i}": f"Titel {i}" for i in range(10)}
            folder = tmp_path_factory.mktemp(name)
            path = export(target, split, folder, k=(5, 50), titles=titles, warmup_batch_sizes=())
            known[name] = target, tf.saved_model.load(str(path))
        return known[name]

    return ship


@pytest.fixture(scope="module")
def logits(split):
    """Function from a target to its logits of all pairs."""

    def of(target):
        users, items = (
            ids.ravel() for ids in np.indices((split.num_users, split.num_items), dtype=np.int32)
        )
        return np.asarray(target({"user_id": users, "item_id": items})).reshape(
            split.num_users, split.num_items
        )

    return of


@pytest.mark.parametrize("name", BACKBONES.names)
def test_each_k_has_its_signature(name, shipped, split):
    version = shipped(name)[1]
    base = {"recommend", "recommend_excluding", "similar_items"}
    base |= {"recommend_from_history"} if name in FACTORIZED else set()
    expected = (
        {"serving_default", "score", "history"}
        | base
        | {f"{each}_{k}" for each in base for k in (5, 50)}
    )
    assert set(version.signatures) - {"__saved_model_init_op"} == expected
    short, long = (ask(version, f"recommend_{k}", user_id=["user 9"])["item_id"] for k in (5, 50))
    assert short.shape == (1, 5) and long.shape == (1, 50)
    assert (
        short.tolist()
        == long[:, :5].tolist()
        == ask(version, "recommend", user_id=["user 9"])["item_id"].tolist()
    )


@pytest.mark.parametrize("name", BACKBONES.names)
@pytest.mark.parametrize("size", BATCHES)
def test_every_output_has_the_batch_first(name, size, shipped, split):
    version = shipped(name)[1]
    users = np.resize(split.train.raw_user_ids, size)
    items = np.resize(split.train.raw_item_ids, size)
    lists = np.resize(split.train.raw_item_ids, (size, 3))
    inputs = {
        "recommend": {"user_id": users},
        "recommend_excluding": {"user_id": users, "exclude_item_id": lists},
        "recommend_from_history": {"item_id": lists},
        "similar_items": {"item_id": items},
        "score": {"user_id": users, "item_id": items},
        "history": {"user_id": users},
    }
    for signature, given in inputs.items():
        if signature in version.signatures:
            answer = ask(version, signature, **given)
            assert {len(value) for value in answer.values()} == {size}


@pytest.mark.parametrize("name", BACKBONES.names)
def test_exclusions_are_left_out_beside_what_was_seen(name, shipped, split):
    version = shipped(name)[1]
    users = ["user 9", "user 3", "nobody"]
    everything = ask(version, "recommend_50", user_id=users)
    excluded = [[row[0], "nothing like it", row[2]] for row in everything["item_id"]]
    excluded[1] = ["Stück 41", "", ""]
    answer = ask(version, "recommend_excluding_50", user_id=users, exclude_item_id=excluded)
    for row in range(3):
        rest = [item for item in everything["item_id"][row] if item and item not in excluded[row]]
        assert answer["item_id"][row].tolist() == rest + [""] * (50 - len(rest))
    assert answer["unknown_items"].tolist() == [1, 0, 1]
    assert answer["known_user"].tolist() == [True, True, False]


@pytest.mark.parametrize("name", FACTORIZED)
def test_a_history_without_a_known_item_gets_popularity(name, shipped, split):
    version = shipped(name)[1]
    answer = ask(
        version,
        "recommend_from_history",
        item_id=[["", ""], ["nothing", "like it"], ["Stück 4", ""]],
    )
    popular = ask(version, "recommend", user_id=["nobody"])
    for row in (0, 1):
        assert answer["item_id"][row].tolist() == popular["item_id"][0].tolist()
        np.testing.assert_array_equal(answer["score"][row], popular["score"][0])
    assert answer["known_history"].tolist() == [False, False, True]
    assert answer["unknown_items"].tolist() == [0, 2, 0]
    assert "Stück 4" not in answer["item_id"][2]


@pytest.mark.parametrize("name", FACTORIZED)
def test_order_and_repetition_of_a_history_do_not_matter(name, shipped):
    version = shipped(name)[1]
    histories = [
        ["Stück 4", "Stück 9", "Stück 7", "", ""],
        ["Stück 7", "Stück 4", "", "Stück 9", "Stück 4"],
        ["Stück 9", "nothing", "Stück 9", "Stück 4", "Stück 7"],
    ]
    answer = ask(version, "recommend_from_history", item_id=histories)
    for row in (1, 2):
        assert answer["item_id"][row].tolist() == answer["item_id"][0].tolist()
        np.testing.assert_allclose(answer["score"][row], answer["score"][0], rtol=1e-5)


def test_cdae_encodes_a_history_with_the_mean_of_the_users_own_vectors(shipped, split):
    target, version = shipped("cdae")
    history = [4, 9, 7]
    table, own, bias = (
        np.asarray(each) for each in (target.encoder_table, target.user_table, target.encoder_bias)
    )
    degree = np.bincount(split.train.item_id, minlength=split.num_items)
    shares = (len(history) * degree[history]) ** -0.25
    hidden = np.tanh(shares @ table[history] + own.mean(axis=0) + bias)
    scores = np.asarray(target.decoder_table) @ hidden + np.asarray(target.decoder_bias)
    expected = [i for i in np.argsort(-scores, kind="stable") if i not in history]
    answer = ask(version, "recommend_from_history_50", item_id=[[f"Stück {i}" for i in history]])
    assert answer["item_id"][0, : len(expected)].tolist() == [f"Stück {i}" for i in expected]
    np.testing.assert_allclose(
        answer["score"][0, : len(expected)], scores[expected], rtol=1e-4, atol=1e-5
    )


def test_elsa_answers_a_stranger_as_a_user_of_his_history(shipped, split):
    """Of all scores, but for the items of the history, which neither is recommended."""
    target, version = shipped("elsa")
    for user in (9, 3):
        history = split.train.item_id[split.train.user_id == user]
        scores = np.array(target.score_all_items(tf.constant([user], tf.int32)))[0]
        expected = [i for i in np.argsort(-scores, kind="stable") if i not in history]
        asked = [[f"Stück {i}" for i in history]]
        answer = ask(version, "recommend_from_history_50", item_id=asked)
        assert answer["item_id"][0, : len(expected)].tolist() == [f"Stück {i}" for i in expected]
        np.testing.assert_allclose(
            answer["score"][0, : len(expected)], scores[expected], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("name", FACTORIZED)
def test_similar_items_are_ranked_by_the_cosine_of_centred_vectors(name, shipped, split):
    target, version = shipped(name)
    vectors = np.asarray(
        target.candidate_embedding(np.arange(split.num_items, dtype=np.int32)), np.float64
    )
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    cosines = vectors @ vectors.T
    answer = ask(version, "similar_items", item_id=["Stück 6", "nothing"])
    expected = [i for i in np.argsort(-cosines[6], kind="stable") if i != 6][:5]
    assert answer["item_id"].tolist() == [[f"Stück {i}" for i in expected], [""] * 5]
    np.testing.assert_allclose(answer["score"][0], cosines[6, expected], atol=1e-5)
    assert answer["known_item"].tolist() == [True, False]
    titles = [f"Titel {i}" if i < 10 else f"Stück {i}" for i in expected]
    assert answer["title"].tolist() == [titles, [""] * 5]


def test_without_vectors_items_are_similar_that_users_score_alike(shipped, split, logits):
    target, version = shipped("neumf")
    known = split.train.user_activity() > 0
    vectors = logits(target)[known].T.astype(np.float64)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = [i for i in np.argsort(-vectors @ vectors[6]) if i != 6][:5]
    answer = ask(version, "similar_items", item_id=["Stück 6"])
    assert answer["item_id"][0].tolist() == [f"Stück {i}" for i in expected]


@pytest.mark.parametrize("name", BACKBONES.names)
def test_a_score_is_the_models_probability(name, shipped, split, logits):
    target, version = shipped(name)
    answer = ask(
        version,
        "score",
        user_id=["user 9", "user 9", "nobody"],
        item_id=["Stück 3", "nothing", "Stück 3"],
    )
    expected = 1.0 / (1.0 + np.exp(-logits(target)[9, 3].astype(np.float64)))
    np.testing.assert_allclose(answer["probability"], [expected, 0.0, 0.0], rtol=1e-5)
    assert answer["known_user"].tolist() == [True, True, False]
    assert answer["known_item"].tolist() == [True, False, True]
    assert "posterior" not in answer


@pytest.mark.parametrize("name", BACKBONES.names)
def test_a_history_begins_with_what_was_least_likely_real(name, shipped, split, logits):
    target, version = shipped(name)
    seen = split.seen().to_csr()
    answer = ask(version, "history", user_id=["user 9", "nobody", "user 4"])
    prob = 1.0 / (1.0 + np.exp(-logits(target).astype(np.float64)))
    for user in (9, 4):
        raw = split.train.raw_user_ids[user]
        items = [
            int(item.split()[1]) for item in ask(version, "history", user_id=[raw])["item_id"][0]
        ]
        assert sorted(items) == sorted(seen[[user]].indices)
        assert (np.diff(prob[user, items]) > -1e-6).all()
    items = answer["item_id"][0][answer["item_id"][0] != ""]
    assert len(items) == seen[[9]].nnz
    np.testing.assert_allclose(
        answer["probability"][0, : len(items)],
        np.sort(prob[9, seen[[9]].indices]),
        rtol=1e-4,
        atol=1e-6,
    )
    assert set(answer["item_id"][1]) == {""} and not answer["probability"][1].any()
    assert set(answer["title"][0]) <= {f"Titel {i}" for i in range(10)} | set(answer["item_id"][0])


def test_the_posterior_comes_with_a_method_that_has_one(split, make_target, tmp_path, logits):
    from deca_tf import DeCAModel
    from deca_tf.denoisers.deca import DeCA

    f, g, h, h_prime = (make_target("mf", seed=seed) for seed in range(4))
    path = export(DeCAModel(f, DeCA(g, h, h_prime)), split, tmp_path, warmup_batch_sizes=())
    version = tf.saved_model.load(str(path))
    real, if_negative, if_positive = (
        1.0 / (1.0 + np.exp(-logits(each)[9].astype(np.float64))) for each in (f, h, h_prime)
    )
    expected = if_positive * real / (if_positive * real + if_negative * (1.0 - real))
    answer = ask(version, "score", user_id=["user 9"] * 50, item_id=split.train.raw_item_ids)
    np.testing.assert_allclose(answer["posterior"], expected, atol=5e-4)
    items = [
        int(item.split()[1]) for item in ask(version, "history", user_id=["user 9"])["item_id"][0]
    ]
    assert sorted(items) == sorted(split.seen().to_csr()[[9]].indices)
    assert (np.diff(expected[items]) > -5e-4).all()
