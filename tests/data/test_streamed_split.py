"""A split whose train stays in its files says of itself what the one in memory says."""

import dataclasses

import numpy as np
import pytest

from deca_tf.baselines import Popularity
from deca_tf.data import (
    Interactions,
    Split,
    load_split,
    read_shards,
    stream_shards,
    synthetic_split,
    write_shards,
)
from deca_tf.evaluation import evaluate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "clicks"
    write_shards(
        synthetic_split(num_users=120, num_items=90, num_clicks=2500), folder, num_shards=3
    )
    return folder


@pytest.fixture(scope="module")
def whole(folder):
    return read_shards(folder)


@pytest.fixture(scope="module")
def streamed(folder):
    return load_split("shards", folder=folder, stream=True)


def test_they_are_the_same_data(whole, streamed):
    assert repr(streamed) == repr(whole)
    assert streamed.fingerprint == whole.fingerprint
    np.testing.assert_array_equal(streamed.validation.pair_key, whole.validation.pair_key)
    np.testing.assert_array_equal(streamed.test.is_noisy, whole.test.is_noisy)


def test_train_can_do_what_it_can_do_in_memory(whole, streamed):
    one, other = streamed.train, whole.train
    assert len(one) == len(other)
    for name in ("item_popularity", "user_activity", "users_without_negatives"):
        np.testing.assert_array_equal(getattr(one, name)(), getattr(other, name)())
    assert (one.to_csr() != other.to_csr()).nnz == 0
    order = np.argsort(other.pair_key)
    for name in ("pair_key", "user_id", "item_id"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[order])
    np.testing.assert_array_equal(one.take([3, 1]).pair_key, np.sort(other.pair_key)[[3, 1]])
    assert one.distinct() is one


def test_what_was_seen_is_train_and_validation(whole, streamed):
    seen = streamed.seen().to_csr()
    assert (seen != whole.seen().to_csr()).nnz == 0
    assert set(seen.data) == {1.0}


@pytest.mark.parametrize("part", ["validation", "test"])
def test_models_are_evaluated_alike(part, whole, streamed):
    one, other = (
        evaluate(Popularity(split.train), split, part=part) for split in (streamed, whole)
    )
    assert one.metrics == other.metrics
    assert one.warm == other.warm


def test_leaks_are_counted_and_refused_under_clean(whole, tmp_path):
    train, validation, test = (getattr(whole, part) for part in ("train", "validation", "test"))
    validation = Interactions(
        np.append(validation.user_id, train.user_id[:5]),
        np.append(validation.item_id, train.item_id[:5]),
        train.raw_user_ids,
        train.raw_item_ids,
    )
    test = dataclasses.replace(test.take(np.repeat(np.arange(len(test)), 2)))  # twice: counted once
    leaking = Split(train, validation, test, protocol="paper", name="leaking")
    assert leaking.leaks.train_validation == 5
    write_shards(leaking, tmp_path / "paper")
    streamed = stream_shards(tmp_path / "paper")
    assert streamed.leaks == leaking.leaks
    assert set(streamed.seen().to_csr().data) == {1.0}  # the five too
    header = tmp_path / "paper" / "interactions.json"
    header.write_text(header.read_text().replace('"paper"', '"clean"'))
    with pytest.raises(
        ValueError, match="requires that no pair is in two splits. Received: 5 pairs"
    ):
        stream_shards(tmp_path / "paper")


def test_a_pair_that_comes_twice_is_refused(whole, tmp_path):
    rows = np.append(np.arange(len(whole.train)), 7)
    write_shards(dataclasses.replace(whole, train=whole.train.take(rows)), tmp_path / "twice")
    assert len(read_shards(tmp_path / "twice").train) == len(rows)
    with pytest.raises(ValueError, match="A pair must come once .*read the shards into memory"):
        stream_shards(tmp_path / "twice")


def test_wrong_rows_are_told_when_it_is_opened(whole, tmp_path):
    write_shards(whole, tmp_path / "short")
    (tmp_path / "short" / "Split-train" / "data_tfrecord-00001-of-00004.gz").unlink()
    with pytest.raises(ValueError, match="rows of train, .* Received: .* rows in 3 files"):
        stream_shards(tmp_path / "short")
    with pytest.raises(TypeError, match="`stream` must be true or false"):
        load_split("shards", folder=tmp_path / "short", stream="no")
