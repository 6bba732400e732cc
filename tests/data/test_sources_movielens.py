"""MovieLens by TFDS's own builder, without a network where its archive is at hand, and the raw 100k file."""

import os

import numpy as np
import pytest

from deca_tf.data import load, load_split
from deca_tf.data.sources import verified_files

needs_data = pytest.mark.skipif(
    not os.environ.get("DECA_TF_DATA_DIR"), reason="DECA_TF_DATA_DIR names no folder with MovieLens"
)


@pytest.fixture
def no_network(monkeypatch):
    def unreachable(url):
        raise OSError("no route")

    monkeypatch.setattr(verified_files, "check_reachable", unreachable)


def test_without_archive_or_network_the_error_says_what_to_do(tmp_path, no_network):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(
        FileNotFoundError, match="OSError: no route. It is GroupLens's archive ml-latest-small.zip.*--data-dir"
    ):
        load("movielens/latest-small-ratings", data_dir=tmp_path, cache_dir=tmp_path / "cache")


def test_an_archive_that_is_not_the_original_is_refused(tmp_path, no_network):
    pytest.importorskip("tensorflow_datasets")
    (tmp_path / "movielens").mkdir()
    (tmp_path / "movielens" / "ml-latest-small.zip").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(ValueError, match="MovieLens's archive must be the original file"):
        load("movielens/latest-small-ratings", data_dir=tmp_path, cache_dir=tmp_path / "cache")


def test_unknown_sizes_name_the_nearest(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(ValueError, match="Did you mean 'movielens/100k-ratings'"):
        load("movielens/10k-ratings", data_dir=tmp_path, cache_dir=tmp_path / "cache")


def test_the_raw_file_needs_a_data_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("DECA_TF_DATA_DIR", raising=False)
    with pytest.raises(FileNotFoundError, match="'ml-100k-raw' is read from a data directory"):
        load("ml-100k-raw")
    with pytest.raises(FileNotFoundError, match="movielens/u.data"):
        load("ml-100k-raw", data_dir=tmp_path)


@needs_data
def test_tfds_builds_from_the_archive_without_a_network(tmp_path, no_network):
    whole = load_split("movielens/latest-small-ratings", cache_dir=tmp_path)
    assert (whole.num_users, whole.num_items) == (610, 9_724)
    assert len(whole.train) + len(whole.validation) > 90_000
    assert set(whole.test.rating) == {5}
    again = load("movielens/latest-small-ratings", cache_dir=tmp_path)
    assert len(again) == 100_836
    assert {"1", "193609"} <= set(again.raw_item_ids)


@needs_data
def test_the_raw_file():
    ratings = load("ml-100k-raw")
    assert (len(ratings), ratings.num_users, ratings.num_items) == (100_000, 943, 1_682)
    assert ratings.raw_user_ids[0] == 1
    assert (np.diff(ratings.timestamp) >= 0).all()
    first = (ratings.raw_user_ids[ratings.user_id] == 196) & (ratings.raw_item_ids[ratings.item_id] == 242)
    assert ratings.rating[first].tolist() == [3]
    assert ratings.timestamp[first].tolist() == [881_250_949]
