"""Streamed batches: the elements of `training_batches`, each row once in a pass.

They are shuffled over all files.
"""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.data import (
    Interactions,
    Split,
    blocks,
    stream_shards,
    streamed_batches,
    training_batches,
    write_shards,
)
from deca_tf.data.negative_sampling import NEGATIVES

USERS, ITEMS, ROWS, FILES, BLOCK = 40, 50, 720, 6, 10


@pytest.fixture(scope="module")
def split():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, ROWS + 20, replace=False)
    rows = Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))
    parts = (
        rows.take(slice(*bounds)) for bounds in ((0, ROWS), (ROWS, ROWS + 10), (ROWS + 10, None))
    )
    return Split(*parts, protocol="clean", name="clicks")


@pytest.fixture(scope="module")
def folder(split, tmp_path_factory):
    """Twelve records in each of six files."""
    folder = tmp_path_factory.mktemp("shards") / "clicks"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_ROWS", BLOCK)
        write_shards(split, folder, num_shards=FILES)
    return folder


@pytest.fixture(scope="module")
def train(folder):
    return stream_shards(folder).train


def arrays(batches):
    return [
        (inputs["user_id"].numpy(), inputs["item_id"].numpy(), label.numpy())
        for inputs, label in batches
    ]


def keys_of(batches):
    """`pair_key` of the positives, in order."""
    return np.concatenate(
        [users[:, 0] * np.int64(ITEMS) + items[:, 0] for users, items, _ in batches]
    )


def assert_equal(left, right):
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def file_of(train):
    """The file of each pair, by its key."""
    found = {}
    for number, path in enumerate(train.files):
        for record in tf.data.TFRecordDataset(path, "GZIP"):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            users, items = (feature[name].int64_list.value for name in ("user_id", "item_id"))
            found |= {user * ITEMS + item: number for user, item in zip(users, items, strict=True)}
    return found


# Elements and epochs


@pytest.mark.parametrize("num_negatives", [1, 3])
def test_elements_are_those_of_training_batches(num_negatives, train, split):
    options = {"batch_size": 48, "num_negatives": num_negatives}
    batches, expected = streamed_batches(train, **options), training_batches(split.train, **options)
    assert batches.element_spec == expected.element_spec
    assert batches.cardinality() == expected.cardinality() == 15
    for users, items, label in arrays(batches):
        assert users.shape == (48, 1)
        assert ((items >= 0) & (items < ITEMS)).all()
        np.testing.assert_array_equal(label, np.tile([1.0, *[0.0] * num_negatives], (48, 1)))


@pytest.mark.parametrize("batch_size", [48, 64, 100, 720, 4096])
def test_an_epoch_is_one_pass(batch_size, train, split):
    """Of 720 rows: 15 steps; 11 and 16 rows over; 7 and 20 over; one.

    And a batch of 512, the largest power of two.
    """
    batches = streamed_batches(train, batch_size=batch_size, window_rows=200, seed=1)
    epochs = [keys_of(arrays(batches)) for _ in range(2)]
    for keys in epochs:
        assert len(keys) == {48: 720, 64: 704, 100: 700, 720: 720, 4096: 512}[batch_size]
        assert len(np.unique(keys)) == len(keys)
        assert np.isin(keys, split.train.pair_key).all()
    assert (epochs[0] != epochs[1]).any()
    if len(epochs[0]) < ROWS:  # others are left over
        assert len(np.setdiff1d(*epochs))


def test_a_last_batch_that_is_rounded_up_is_filled_by_the_next_pass(train, split):
    keys = keys_of(arrays(streamed_batches(train, batch_size=82)))  # 8.8: 9 steps
    assert len(keys) == 738
    np.testing.assert_array_equal(np.unique(keys), np.sort(split.train.pair_key))
    assert len(np.unique(keys[:ROWS])) == ROWS


# Shuffling


def test_rows_come_in_random_order_over_all_files(train, file_of):
    files = np.array(
        [file_of[key] for key in keys_of(arrays(streamed_batches(train, batch_size=720)))]
    )
    assert abs(np.corrcoef(files, np.arange(ROWS))[0, 1]) < 0.15  # 4 / sqrt(720)
    same_file = np.mean(files[1:] == files[:-1])
    assert abs(same_file - 1 / FILES) < 0.06  # chance


def test_files_are_read_side_by_side_so_that_a_small_window_has_rows_of_all(train, file_of):
    keys = keys_of(arrays(streamed_batches(train, batch_size=80, window_rows=120)))
    for start in range(0, ROWS, 120):
        assert {file_of[key] for key in keys[start : start + 120]} == set(range(FILES))


def test_same_seed_same_batches_and_other_seed_other_batches(train):
    def two_epochs(seed):
        batches = streamed_batches(train, batch_size=100, seed=seed, window_rows=300)
        return [*arrays(batches), *arrays(batches)]

    first = two_epochs(1)
    assert_equal(two_epochs(1), first)
    assert not any(
        np.array_equal(one[1], other[1]) for one, other in zip(first, two_epochs(2), strict=True)
    )
    assert len({users.tobytes() for users, _, _ in first}) == len(first)


@pytest.mark.parametrize("start_step", [3, 7, 9])
def test_start_in_the_middle_is_the_tail_of_the_whole(start_step, train):
    options = {"batch_size": 100, "seed": 4, "negatives": "unobserved"}  # 7 steps
    whole = streamed_batches(train, **options)
    expected = [batch for _ in range(3) for batch in arrays(whole)][start_step:]
    late = streamed_batches(train, start_step=start_step, **options)
    found = [*arrays(late), *arrays(late)]
    assert_equal(found, expected[: len(found)])
    assert len(found) == 14 - start_step % 7


# Negatives


@pytest.mark.parametrize("kind", ["uniform", "unobserved", "popularity"])
def test_negatives_are_those_that_the_pairs_in_memory_give(kind, train, split):
    batches = arrays(
        streamed_batches(train, batch_size=120, num_negatives=4, negatives=kind, seed=3)
    )
    sampler = NEGATIVES.load(kind)(split.train, 3)
    for step, (users, items, _) in enumerate(batches):
        expected = sampler(tf.constant(users[:, 0]), 4, tf.constant(step, tf.int64))
        np.testing.assert_array_equal(items[:, 1:], expected)
    keys = np.concatenate([(users * ITEMS + items)[:, 1:].ravel() for users, items, _ in batches])
    assert np.isin(keys, split.train.pair_key).any() == (kind == "uniform")


def test_excluding_observed_turns_uniform_into_unobserved(train):
    one = arrays(streamed_batches(train, batch_size=240, exclude_observed=True))
    assert_equal(one, arrays(streamed_batches(train, batch_size=240, negatives="unobserved")))


# Workers


@pytest.mark.parametrize("num_workers", [2, 3])
def test_workers_read_files_of_their_own_and_others_in_each_epoch(
    num_workers, train, split, file_of
):
    options = {"batch_size": 60, "num_workers": num_workers}
    workers = [streamed_batches(train, worker=worker, **options) for worker in range(num_workers)]
    files = []
    for _ in range(3):
        parts = [arrays(batches) for batches in workers]
        assert {len(part) for part in parts} == {12}
        assert {items.shape for part in parts for _, items, _ in part} == {(60 // num_workers, 2)}
        np.testing.assert_array_equal(
            np.sort(np.concatenate([keys_of(part) for part in parts])),
            np.sort(split.train.pair_key),
        )
        files.append([{file_of[key] for key in keys_of(part)} for part in parts])
        assert sum(map(len, files[-1])) == FILES
        assert not any(
            np.array_equal(one[1][:, 1], other[1][:, 1])
            for one, other in zip(*parts[:2], strict=True)
        )
    assert any(files[0] != other for other in files[1:])


def test_a_worker_with_fewer_rows_goes_on_so_that_all_take_as_many_batches(split, tmp_path):
    """Two files for two workers, of which one has nearly all rows."""
    write_shards(split, tmp_path / "whole", num_shards=1)
    few = split.train.take(np.arange(8))
    write_shards(dataclasses.replace(split, train=few), tmp_path / "few", num_shards=1)
    most = split.train.take(np.arange(8, ROWS))
    write_shards(dataclasses.replace(split, train=most), tmp_path / "uneven", num_shards=1)
    name = "Split-train/data_tfrecord-00000-of-00001.gz"
    shutil.copy(tmp_path / "few" / name, tmp_path / "uneven" / name.replace("00000-of", "00001-of"))
    header = (tmp_path / "whole" / "interactions.json").read_text()
    (tmp_path / "uneven" / "interactions.json").write_text(header)
    train = stream_shards(tmp_path / "uneven").train
    for worker in range(2):
        batches = streamed_batches(train, batch_size=80, worker=worker, num_workers=2)
        for _ in range(2):
            assert len(arrays(batches)) == 9


def test_devices_of_a_worker_take_an_element_each(train, split):
    batches = streamed_batches(train, batch_size=60, num_workers=2, devices=3)
    assert (
        batches.cardinality() == tf.data.UNKNOWN_CARDINALITY
    )  # Keras would take it for the number of steps
    elements = arrays(batches)
    assert {items.shape for _, items, _ in elements} == {(10, 2)}
    assert len(elements) == 12 * 3
    late = arrays(streamed_batches(train, batch_size=60, num_workers=2, devices=3, start_step=2))
    assert_equal(late, elements[6:])


# Refusals


def test_wrong_arguments_are_refused(train):
    for name, value, low in (("batch_size", 0, 1), ("num_negatives", -1, 0), ("window_rows", 0, 1)):
        with pytest.raises(
            ValueError,
            match=f"`{name}` must be an integer of at least {low}. Received: {name}={value}",
        ):
            streamed_batches(train, **{name: value})
    with pytest.raises(ValueError, match="`negatives` must be one of"):
        streamed_batches(train, negatives="unobservd")
    with pytest.raises(ValueError, match="must divide by workers x devices, 2 x 2. Received: 90"):
        streamed_batches(train, batch_size=90, num_workers=2, devices=2)
    with pytest.raises(
        ValueError, match="a file for each worker. Received: 6 files of train in .* and 7 workers"
    ):
        streamed_batches(train, batch_size=70, num_workers=7)


def test_no_rows_are_refused(split, tmp_path):
    write_shards(dataclasses.replace(split, train=split.train.take([])), tmp_path / "none")
    with pytest.raises(ValueError, match="`interactions` must hold at least one pair"):
        streamed_batches(stream_shards(tmp_path / "none").train)


def test_files_that_have_lost_their_rows_end_in_an_error(folder, tmp_path):
    train = stream_shards(shutil.copytree(folder, tmp_path / "clicks")).train
    batches = streamed_batches(train, batch_size=100)
    for path in train.files:
        with tf.io.TFRecordWriter(path, "GZIP"):
            pass
    with pytest.raises(tf.errors.OpError):
        arrays(batches)
