"""A folder of shards.

Exact there and back, whole or not there, and read with what it says of itself checked.
"""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.data import (
    Interactions,
    Split,
    load,
    load_split,
    read_shards,
    schema,
    stream_shards,
    synthetic_split,
    write_shards,
)
from deca_tf.data.blocks import BLOCK_ROWS, encode_blocks
from deca_tf.data.shards import open_shards

SIZES = {"num_users": 200, "num_items": 150, "num_clicks": 9_000}


@pytest.fixture(scope="module")
def split():
    return synthetic_split(**SIZES)


@pytest.fixture(scope="module")
def written(split, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "clicks"
    write_shards(split, folder, num_shards=3, seed=5)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """A copy to break."""
    return shutil.copytree(written, tmp_path / "clicks")


def columns(interactions):
    names = ("user_id", "item_id", "timestamp", "rating", "dwell", "is_noisy")
    return {
        name: getattr(interactions, name)
        for name in names
        if getattr(interactions, name) is not None
    }


def assert_same_rows(one, other):
    assert set(columns(one)) == set(columns(other))
    for name, values in columns(one).items():
        assert values.dtype == getattr(other, name).dtype
        np.testing.assert_array_equal(values, getattr(other, name), err_msg=name)


def by_pair(interactions):
    return interactions.take(np.argsort(interactions.pair_key))


# There and back


def test_what_is_written_is_read(split, written):
    found = read_shards(written)
    assert (found.name, found.protocol, found.leaks.total) == ("synthetic", "clean", 0)
    for part in ("validation", "test"):
        assert_same_rows(getattr(found, part), getattr(split, part))  # in order
    assert_same_rows(by_pair(found.train), by_pair(split.train))
    np.testing.assert_array_equal(found.train.raw_user_ids, split.train.raw_user_ids)
    np.testing.assert_array_equal(found.test.raw_item_ids, split.test.raw_item_ids)


def test_train_is_in_random_order_over_all_shards_by_the_seed(split, written, tmp_path):
    found = read_shards(written).train
    order = np.argsort(split.train.pair_key)
    place = order[
        np.searchsorted(split.train.pair_key[order], found.pair_key)
    ]  # of each row, in the split
    n = len(place)
    assert np.abs(np.corrcoef(place, np.arange(n))[0, 1]) < 5 / np.sqrt(n)
    write_shards(split, tmp_path / "other", num_shards=3, seed=6)
    assert (read_shards(tmp_path / "other").train.pair_key != found.pair_key).any()


def test_a_record_is_a_block_of_rows_in_a_gzipped_file(split, written):
    files = open_shards(written).files("train")
    assert [file.rpartition("/")[2] for file in files] == [
        f"data_tfrecord-0000{i}-of-00003.gz" for i in range(3)
    ]
    records = [
        tf.train.Example.FromString(each.numpy()) for each in tf.data.TFRecordDataset(files, "GZIP")
    ]
    lengths = [len(each.features.feature["user_id"].int64_list.value) for each in records]
    assert len(lengths) == 3  # of about 3,000 rows
    assert sum(lengths) == len(split.train)
    assert max(lengths) - min(lengths) <= 1
    assert all(
        len(each.features.feature["timestamp"].int64_list.value) == n
        for each, n in zip(records, lengths, strict=True)
    )


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS, BLOCK_ROWS + 1])
def test_blocks_hold_4096_rows_but_the_last(rows):
    ids = np.arange(rows, dtype=np.int32)
    whole = Interactions(
        ids, ids, np.arange(max(rows, 1)), np.arange(max(rows, 1)), rating=ids % 5 + 0.5
    )
    blocks = [
        tf.train.Example.FromString(record).features.feature for record in encode_blocks(whole)
    ]
    assert len(blocks) == -(-rows // 4096)
    assert [user for block in blocks for user in block["user_id"].int64_list.value] == ids.tolist()
    assert [stars for block in blocks for stars in block["rating"].float_list.value] == (
        ids % 5 + 0.5
    ).tolist()


def test_whole_numbers_as_raw_ids_and_parts_without_rows_and_other_columns(split, tmp_path):
    rows = split.train.take(np.arange(50))
    rows = dataclasses.replace(
        rows, raw_user_ids=np.arange(1000, 1200), timestamp=None, is_noisy=None
    )
    rows = dataclasses.replace(rows, rating=np.full(50, 4.5), dwell=np.arange(50))
    empty = rows.take([])
    write_shards(
        dataclasses.replace(split, train=rows, validation=empty, test=empty),
        tmp_path / "few",
        num_shards=80,
    )
    found = read_shards(tmp_path / "few")
    assert_same_rows(by_pair(found.train), by_pair(rows))
    assert (len(found.validation), len(found.test)) == (0, 0)
    assert found.train.raw_user_ids.tolist() == [str(number) for number in range(1000, 1200)]


def test_they_are_a_data_set(split, written):
    found = load_split("shards", folder=written)
    assert found.train.pair_key.sum() == split.train.pair_key.sum()
    with pytest.raises(ValueError, match="comes already split"):
        load("shards")


# Refusals


def test_an_unfinished_folder_is_refused(folder):
    (folder / "interactions.json").unlink()
    with pytest.raises(
        FileNotFoundError, match="must hold interactions.json.*was not written to its end"
    ):
        read_shards(folder)


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="must be an existing folder of shards. Received: .*nothing"
    ):
        read_shards(tmp_path / "nothing")
    with pytest.raises(ValueError, match="requires the option `folder`"):
        load_split("shards")


def test_a_folder_that_is_there_is_not_overwritten(split, written):
    with pytest.raises(FileExistsError, match="`folder` must be a new one"):
        write_shards(split, written)


def test_nothing_is_there_until_all_is_written(split, tmp_path, monkeypatch):
    def fail(path, raw_ids):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("deca_tf.data.shards._write_ids", fail)
        with pytest.raises(OSError, match="disk full"):
            write_shards(split, tmp_path / "clicks")
    assert not (tmp_path / "clicks").exists()
    write_shards(split, tmp_path / "clicks")
    assert len(read_shards(tmp_path / "clicks").train) == len(split.train)


def test_options_of_others_and_another_protocol_are_refused(written):
    with pytest.raises(
        ValueError, match="takes `protocol`, `folder`.* only. Received: by='random'"
    ):
        load_split("shards", folder=written, by="random")
    with pytest.raises(
        ValueError, match="must be that of the shards, 'clean'. Received: protocol='paper'"
    ):
        load_split("shards", folder=written, protocol="paper")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": 2}, "must be 1. Received: format=2"),
        ({"num_users": None}, "`num_users in .*` must be an integer of at least 0"),
        ({"num_users": 100}, "must hold 100 ids"),
        ({"rows": {"train": 7}}, "rows.*KeyError: 'validation'"),
        ({"protocol": "none"}, "`protocol` must be one of"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(folder, changed, message):
    file = folder / "interactions.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    with pytest.raises(ValueError, match=message):
        read_shards(folder)


@pytest.mark.parametrize("part", schema.PARTS)
def test_a_missing_file_is_told_by_the_rows(folder, part):
    (folder / f"Split-{part}" / "data_tfrecord-00001-of-00003.gz").unlink()
    with pytest.raises(ValueError, match=f"rows of {part}, .* Received: .* rows in 2 files"):
        read_shards(folder)


def test_a_part_without_files_is_refused(folder):
    shutil.rmtree(folder / "Split-train")
    with pytest.raises(ValueError, match="Received: no file .* in Split-train"):
        read_shards(folder)


def write_records(folder, records):
    path = folder / "Split-train" / "data_tfrecord-00000-of-00003.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in records:
            writer.write(record)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"user_id": [0, 200], "item_id": [0, 0]},
            r"`user_id` of Split-train must be in \[0, 200\).*from 0 to 200",
        ),
        (
            {"user_id": [0, 1], "item_id": [-1, 3]},
            r"`item_id` of Split-train must be in \[0, 150\).*from -1 to ",
        ),
        ({"user_id": [0, 1], "item_id": [3]}, "differ in length"),
        ({"user_id": [2**40], "item_id": [3]}, r"`user_id` of Split-train must be in \[0, 200\)"),
    ],
)
def test_rows_that_cannot_be_are_refused(folder, values, message):
    example = tf.train.Example()
    for name, numbers in values.items():
        example.features.feature[name].int64_list.value.extend(numbers)
    write_records(folder, [example.SerializeToString()])
    with pytest.raises(ValueError, match=message):
        read_shards(folder)


def test_broken_files_are_refused(folder):
    write_records(folder, [b"no example"])
    with pytest.raises(ValueError, match="must hold blocks of interactions. Received: Split-train"):
        read_shards(folder)
    path = folder / "Split-train" / "data_tfrecord-00001-of-00003.gz"
    shutil.copy(
        folder / "Split-train" / "data_tfrecord-00002-of-00003.gz",
        path.with_name("data_tfrecord-00000-of-00003.gz"),
    )
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="must hold blocks of interactions. Received: Split-train"):
        read_shards(folder)


def test_weights_come_back_from_shards_and_are_refused_by_streams(split, tmp_path):
    train = split.train.take(slice(100))
    weight = np.random.default_rng(0).random(100).astype(np.float32)
    weighted = dataclasses.replace(train, weight=weight)
    nothing = split.validation.take([])
    write_shards(Split(weighted, nothing, nothing, "clean", "t"), tmp_path / "clicks")
    read = read_shards(tmp_path / "clicks").train
    by_key = dict(zip(weighted.pair_key.tolist(), weight.tolist(), strict=True))
    assert read.weight.tolist() == [by_key[key] for key in read.pair_key.tolist()]
    with pytest.raises(ValueError, match="must hold no weights, which streams do not carry"):
        stream_shards(tmp_path / "clicks")
