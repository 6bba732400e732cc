"""Indexes that take less memory: exact in float32, and what the smaller types lose is told."""

import json

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.serving import export, retrieval_index
from deca_tf.serving._item_table import CompactTable
from deca_tf.serving.versions import MANIFEST


def items_of(path, users):
    answer = tf.saved_model.load(str(path)).signatures["recommend"](
        user_id=tf.constant(users, tf.string)
    )
    return answer["item_id"].numpy().tolist(), answer["score"].numpy()


@pytest.mark.parametrize("part", [7, 50, 10**6])
def test_streaming_answers_as_brute_force(part, split, make_target, tmp_path, monkeypatch):
    monkeypatch.setattr(retrieval_index, "PART", part)
    target, users = make_target("gmf"), [*split.train.raw_user_ids.tolist(), "nobody"]
    whole, streamed = (
        items_of(export(target, split, tmp_path / index, index=index, warmup_batch_sizes=()), users)
        for index in ("brute-force", "streaming")
    )
    assert streamed[0] == whole[0]
    np.testing.assert_allclose(streamed[1], whole[1], rtol=1e-5)


def test_numbers_of_one_byte_are_off_by_half_a_step_at_most():
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(40, 8)) * 10.0 ** rng.integers(-4, 4, (40, 1))).astype(np.float32)
    vectors[3] = 0.0
    popularity = rng.integers(0, 2_000_000_000, 40)
    table = CompactTable(vectors, popularity, "int8")
    assert table.values.dtype == tf.int8
    step = np.abs(vectors).max(axis=1, keepdims=True) / 127
    assert (np.abs(table.vectors(np.arange(40)).numpy() - vectors) <= 0.5001 * step).all()
    part = table.part(tf.constant(5), tf.constant(9)).numpy()
    np.testing.assert_array_equal(part[:, -1], popularity[5:9].astype(np.float32))
    np.testing.assert_array_equal(part[:, :-1], table.vectors(np.arange(5, 9)).numpy())


@pytest.mark.parametrize("dtype, size", [("float16", 2), ("int8", 1)])
def test_what_is_lost_is_told(dtype, size, split, make_target, tmp_path):
    target = make_target("mf", embedding_dim=4)
    path = export(target, split, tmp_path, index="streaming", dtype=dtype, warmup_batch_sizes=())
    told = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["compression"]
    vectors = np.asarray(target.candidate_embedding(np.arange(split.num_items, dtype=np.int32)))
    queries = np.asarray(target.query_embedding(np.arange(split.num_users, dtype=np.int32)))
    users = np.intersect1d(split.validation.user_id, split.train.user_id)
    recalls = []
    for user in users:
        train, wanted = (
            part.item_id[part.user_id == user] for part in (split.train, split.validation)
        )
        scores = vectors @ queries[user]
        scores[train] = -np.inf
        recalls.append(np.isin(wanted, np.argsort(-scores, kind="stable")[:20]).mean())
    assert told["users"] == len(users)
    assert told["recall@20 exact"] == pytest.approx(np.mean(recalls), abs=1e-4)
    assert 0.9 < told["same items@20"] <= 1.0
    assert told["recall@20"] == pytest.approx(told["recall@20 exact"], abs=0.05)
    kept = [array for array in tf.train.list_variables(str(path / "variables" / "variables"))]
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    types = [
        reader.get_variable_to_dtype_map()[name].size
        for name, shape in kept
        if shape == list(vectors.shape)
    ]
    assert types and set(types) == {size}


@pytest.mark.parametrize(
    "name, options, match",
    [
        ("mf", {"dtype": "int8"}, "Item vectors of type int8.*Received: index='brute-force'. Choose index='streaming'"),
        ("mf", {"dtype": "int4"}, "`dtype` must be one of.*Received: dtype='int4'"),
        ("mf", {"index": "hnsw"}, "`index` must be one of.*Received: index='hnsw'"),
        ("neumf", {"index": "streaming"}, "An index needs vectors of items.*Received: index='streaming'"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(
    name, options, match, split, make_target, tmp_path
):
    with pytest.raises(ValueError, match=match):
        export(make_target(name), split, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_scann_says_what_it_needs(split, make_target, tmp_path):
    with pytest.raises(
        ImportError,
        match="requires the package scann.*TensorFlow 2.20 only.*stock TensorFlow Serving",
    ):
        export(make_target("mf"), split, tmp_path / "new", index="scann")
