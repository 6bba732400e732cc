"""Export: what is served is the Keras model's own ranking without the seen items.

Only the target is shipped.
"""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf import DeCAModel
from deca_tf.backbones import BACKBONES, MF
from deca_tf.denoisers.deca import DeCA
from deca_tf.denoisers.ensemble import Ensemble
from deca_tf.distribution import make_strategy
from deca_tf.serving import export as warm_export

# Warm-up, in which each signature answers twice, is tested in test_warmup.py.
export = functools.partial(warm_export, warmup_batch_sizes=())
EVERY_MODEL = (*BACKBONES.names, "mean-of-two", "pairs")  # see `make_target`


def ask(version, raw_user_ids):
    """Asks a version, by its path or already loaded."""
    loaded = version if hasattr(version, "signatures") else tf.saved_model.load(str(version))
    answer = loaded.signatures["serving_default"](
        user_id=tf.constant(list(raw_user_ids), tf.string)
    )
    return {name: value.numpy() for name, value in answer.items()}


@pytest.fixture(scope="module")
def shipped_as(split, make_target, tmp_path_factory):
    """Function from a model's name to the model and its exported version."""

    @functools.cache
    def ship(name):
        target = make_target(name)
        folder = tmp_path_factory.mktemp(name)
        return target, export(target, split, folder, manifest={"recipe": "Größe", "seed": 7})

    return ship


@pytest.fixture(scope="module")
def shipped(shipped_as):
    return shipped_as("gmf")


def assert_answers(answer, expected):
    assert [[item.decode() for item in row] for row in answer["item_id"]] == [
        one.items for one in expected
    ]
    np.testing.assert_allclose(
        answer["score"], np.array([one.scores for one in expected]), rtol=1e-5, atol=1e-5
    )
    assert answer["known_user"].tolist() == [one.known for one in expected]


@pytest.mark.parametrize(
    "name, options, k",
    [
        ("mf", {}, 10),
        ("mf", {"item_bias": True, "user_bias": True}, 10),
        ("mf", {"cosine": True, "popularity_bonus": 0.5}, 50),
        ("gmf", {}, 1),
        ("gmf", {"item_bias": True}, 10),
        ("gmf", {"item_bias": True, "user_bias": True}, 50),
        ("gmf", {"cosine": True, "item_bias": True}, 10),
        ("lightgcn", {"layers": 2}, 50),
        ("lightgcn", {"cosine": True, "popularity_bonus": 0.5}, 10),
        ("cdae", {}, 50),
        ("neumf", {}, 1),
        ("neumf", {"mlp_layers": 1}, 50),
        ("mean-of-two", {}, 50),
        ("pairs", {}, 50),
    ],
)
def test_the_ranking_is_the_model_s_own(name, options, k, split, make_target, expect_all, tmp_path):
    target = make_target(name, **options)
    answer = ask(export(target, split, tmp_path, k=k), [*split.train.raw_user_ids, "nobody", ""])
    assert_answers(answer, expect_all(target, [*range(split.num_users), None, None], k))


def test_the_hard_users_are_in_the_split(split, expect, make_target):
    """Guards the test above: each hard case must really occur."""
    saw_all, only_validation, never_seen, two_left = (
        expect(make_target(), user, 10) for user in range(4)
    )
    assert saw_all.known and saw_all.items == [""] * 10
    assert (
        not only_validation.known
        and not never_seen.known
        and only_validation.items != never_seen.items
    )
    assert two_left.known and two_left.items[1] != "" and two_left.items[2:] == [""] * 8


@pytest.mark.parametrize("name", ["mf", "neumf"])
def test_equal_scores_come_in_the_order_of_dense_item_ids(
    name, split, make_target, expect_all, tmp_path
):
    target = make_target(name)
    target.item_table.assign(np.asarray(target.item_table)[np.arange(split.num_items) % 5])
    target.user_table.assign(
        np.where(np.arange(split.num_users)[:, None] % 2, 0.0, np.asarray(target.user_table))
    )
    answer = ask(export(target, split, tmp_path), split.train.raw_user_ids)
    assert_answers(answer, expect_all(target, range(split.num_users), 10))


@pytest.mark.parametrize("k", [1, 3])
def test_a_user_asked_alone_whose_seen_items_all_come_first(
    k, split, make_target, expect, tmp_path
):
    """The search then has to reach exactly as far as the seen items plus k."""
    target = make_target()
    seen = split.seen().to_csr().toarray()[9]
    target.user_table.assign(np.eye(split.num_users, 32)[[0] * split.num_users])
    target.item_table.assign(np.outer(100 * seen + np.arange(split.num_items), np.eye(32)[0]))
    assert_answers(ask(export(target, split, tmp_path, k=k), ["user 9"]), [expect(target, 9, k)])


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_any_batch_size_gives_the_same_answers(name, split, expect_all, shipped_as):
    target, path = shipped_as(name)
    users = [
        *range(split.num_users),
        *[None] * 4,
    ]  # with those who have seen all or nothing, and four strangers
    expected = expect_all(target, users, 10)
    raw_ids = [*split.train.raw_user_ids, "nobody", "", "user 60", "\0"]
    order = np.random.default_rng(0).permutation(64)
    loaded = tf.saved_model.load(str(path))
    for size in (0, 1, 7, 64):
        asked = order[:size]
        answer = ask(loaded, [raw_ids[row] for row in asked])
        assert answer["item_id"].shape == answer["score"].shape == (size, 10)
        assert answer["known_user"].shape == (size,)
        if size:
            assert_answers(answer, [expected[row] for row in asked])


@pytest.mark.parametrize("name", ["gmf", "neumf"])  # one by each search
def test_the_default_signature_is_batchable(name, shipped_as):
    signature = tf.saved_model.load(str(shipped_as(name)[1])).signatures["serving_default"]
    assert signature.structured_input_signature == (
        (),
        {"user_id": tf.TensorSpec([None], tf.string, "user_id")},
    )
    outputs = {
        name: (spec.dtype, spec.shape.as_list())
        for name, spec in signature.structured_outputs.items()
    }
    assert outputs == {
        "item_id": (tf.string, [None, 10]),
        "score": (tf.float32, [None, 10]),
        "known_user": (tf.bool, [None]),
    }


def renamed(split, **raw_ids):
    parts = {
        part: dataclasses.replace(getattr(split, part), **raw_ids)
        for part in ("train", "validation", "test")
    }
    return dataclasses.replace(split, **parts)


def test_integer_raw_ids_are_asked_for_as_decimal_strings(split, make_target, expect, tmp_path):
    users, items = (
        np.arange(split.num_users) * 10 - 50,
        np.arange(split.num_items) + 2**62,
    )  # beyond floats' integers
    numbered = renamed(split, raw_user_ids=users, raw_item_ids=items)
    answer = ask(export(make_target(), numbered, tmp_path, k=2), ["-10", "07"])
    items = expect(make_target(), 4, 2).items
    assert [item.decode() for item in answer["item_id"][0]] == [
        str(int(item.split()[1]) + 2**62) for item in items
    ]
    assert answer["known_user"].tolist() == [True, False]


def test_the_denoiser_and_the_optimizer_stay_at_home(split, make_target, expect, tmp_path):
    target = make_target()
    networks = {
        name: make_target(seed=i)
        for i, name in enumerate(["auxiliary", "if_negative", "if_positive"])
    }
    model = DeCAModel(target, DeCA(*networks.values()))
    model.compile(optimizer=keras.optimizers.Adam(0.1))
    path = export(model, split, tmp_path)
    assert_answers(ask(path, ["user 9"]), [expect(target, 9, 10)])
    shapes = sorted(
        shape
        for _, shape in tf.train.list_variables(str(path / "variables" / "variables"))
        if len(shape) == 2
    )
    users, items = split.num_users, split.num_items
    assert shapes == sorted(
        [
            [users + 1, 35], [35, items],  # 32 + item bias + user bias + popularity
            [35, items],  # of similar items
            [2 * 34 + 1, 34],  # from a history to a user
            *2 * [[users, 32], [items, 32]],  # h and h', for the posterior; g stays at home
        ]
    )  # fmt: skip
    assert b"keras" not in (path / "saved_model.pb").read_bytes().lower()


def test_of_networks_only_the_weights_that_score_are_written(split, make_target, tmp_path):
    target = make_target("neumf")
    g, h, h_prime = (make_target("neumf", seed=i) for i in range(3))
    model = DeCAModel(target, DeCA(g, h, h_prime))
    model.compile(optimizer=keras.optimizers.Adam(0.1))
    path = export(model, split, tmp_path)
    written = [
        tuple(shape) for _, shape in tf.train.list_variables(str(path / "variables" / "variables"))
    ]
    known = np.count_nonzero(split.train.user_activity())
    shipped = [
        tuple(weight.shape) for network in (target, h, h_prime) for weight in network.weights
    ]
    shipped.append((known + 1, split.num_items))  # how items are alike
    assert sorted(shape for shape in written if len(shape) == 2) == sorted(
        shape for shape in shipped if len(shape) == 2
    )
    assert b"keras" not in (path / "saved_model.pb").read_bytes().lower()


@pytest.mark.parametrize("backbone", ["gmf", "lightgcn"])
def test_of_an_ensemble_the_vectors_of_both_members_are_shipped(
    backbone, split, make_target, expect_all, tmp_path
):
    model = DeCAModel(make_target(backbone), Ensemble(make_target(backbone, seed=6)))
    path = export(model, split, tmp_path)
    assert_answers(
        ask(path, split.train.raw_user_ids),
        expect_all(model.recommender, range(split.num_users), 10),
    )
    assert (
        b"SparseMatrix" not in (path / "saved_model.pb").read_bytes()
    )  # LightGCN has propagated already


def test_a_model_trained_on_several_devices_is_shipped(
    two_cpus, split, make_target, expect, tmp_path
):
    assert len(two_cpus) == 2
    with make_strategy("mirrored").scope():
        target = make_target("neumf")
    answer = ask(export(target, split, tmp_path), ["user 9"])
    assert_answers(answer, [expect(target, 9, 10)])


def test_versions_count_up_and_are_never_overwritten(split, make_target, tmp_path):
    folder = tmp_path / "deep" / "name"
    (folder / "7").mkdir(parents=True)  # empty, or written by another tool: not ours to replace
    first, second = (export(make_target(), split, folder, k=k) for k in (1, 2))
    assert (first, second) == (folder / "8", folder / "9")
    assert sorted(entry.name for entry in folder.iterdir()) == ["7", "8", "9"]
    assert json.loads((first / "assets.extra/manifest.json").read_text())["k"] == 1


def test_the_manifest_tells_what_was_given_and_the_facts(shipped):
    manifest = json.loads((shipped[1] / "assets.extra/manifest.json").read_text(encoding="utf-8"))
    assert {
        "recipe": "Größe",
        "seed": 7,
        "k": 10,
        "num_users": 60,
        "num_items": 50,
    }.items() <= manifest.items()
    assert {"created", "deca_tf", "tensorflow", "keras"} <= set(manifest)


def test_a_failed_export_leaves_nothing(split, make_target, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        export(make_target(), split, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, error, match",
    [
        ({"k": 51}, ValueError, r"at most the number of items, 50\. Received: k=51"),
        ({"k": 0}, ValueError, r"`k` must be an integer of at least 1\. Received: k=0"),
        ({"k": 2.5}, ValueError, r"Received: k=2.5"),
        ({"target": "mf"}, TypeError, r"`target` must be a Backbone.*Received: target='mf'"),
        ({"target": lambda: MF(60, 51)}, ValueError, r"same \(num_users, num_items\).*\(60, 51\).*\(60, 50\)"),
        ({"manifest": ["a"]}, TypeError, r"`manifest` must be a dict"),
        ({"manifest": {"a": np.zeros(1)}}, TypeError, r"`manifest` must hold only what JSON can"),
    ],
)  # fmt: skip
def test_mistakes_are_named_before_anything_is_written(
    arguments, error, match, split, make_target, tmp_path
):
    # Models are made here: a module that runs TensorFlow while it is imported leaves no time to
    # split the CPU.
    given = {name: value() if callable(value) else value for name, value in arguments.items()}
    with pytest.raises(error, match=match):
        export(**{"target": make_target(), "split": split, "folder": tmp_path / "new", **given})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["mf", "neumf"])
def test_a_diverged_model_is_refused(name, split, make_target, tmp_path):
    target = make_target(name)
    target.item_table.assign(np.full(target.item_table.shape, np.nan))
    with pytest.raises(
        ValueError,
        match=r"must be finite. Received: \d+ values that are NaN.*training has diverged",
    ):
        export(target, split, tmp_path)


def test_a_part_of_a_split_is_refused(split, make_target, tmp_path):
    with pytest.raises(TypeError, match="`split` must be a Split.*Received: Interactions. Give it"):
        export(make_target(), split.train, tmp_path / "versions")
    assert not (tmp_path / "versions").exists()


def test_raw_ids_that_collide_as_strings_are_refused(split, make_target, tmp_path):
    users = np.array(split.train.raw_user_ids)
    users[5] = users[6]
    with pytest.raises(ValueError, match="must differ as strings. Received: 'user 6' for 2 users"):
        export(make_target(), renamed(split, raw_user_ids=users), tmp_path)
