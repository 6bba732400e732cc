"""MovieLens by TFDS's own builder, and the raw 100k file.

No network is needed where its archive is at hand.
"""

import functools
import os
import pathlib
import zipfile

import numpy as np
import pytest

from deca_tf.data import load, load_split
from deca_tf.data.sources import _downloads as downloads

needs_data = pytest.mark.skipif(
    not os.environ.get("DECA_TF_DATA_DIR"), reason="DECA_TF_DATA_DIR names no folder with MovieLens"
)


@pytest.fixture
def tfds(monkeypatch):
    """TensorFlow Datasets, its builders able to run, without a network."""
    module = pytest.importorskip("tensorflow_datasets")
    pytest.importorskip(
        "importlib_resources",
        reason="TFDS's builders need importlib_resources (tensorflow/datasets#11212)",
    )
    monkeypatch.setattr("tensorflow_datasets.core.download.downloader.MAX_RETRIES", 0)
    monkeypatch.setattr(downloads, "check_reachable", unreachable)
    return module


def unreachable(url):
    raise OSError("no route")


def test_without_archive_or_network_the_error_says_what_to_do(tmp_path, tfds):
    with pytest.raises(
        FileNotFoundError,
        match="OSError: no route. It is GroupLens's archive ml-latest-small.zip.*`data_dir`",
    ):
        load("movielens/latest-small-ratings", data_dir=tmp_path, cache_dir=tmp_path / "cache")


def test_an_absent_data_directory_says_where_the_archive_comes_from(tmp_path, tfds):
    with pytest.raises(
        FileNotFoundError,
        match="data_dir='.*nowhere'. It is GroupLens's archive ml-latest-small.zip",
    ):
        load("movielens/latest-small-ratings", data_dir=tmp_path / "nowhere", cache_dir=tmp_path)


@pytest.mark.parametrize("folder", ["movielens", "."])
def test_an_archive_that_is_not_the_original_is_refused(tmp_path, tfds, folder):
    (tmp_path / "movielens").mkdir()
    (tmp_path / "movielens" / "ml-100k.zip").touch()  # another archive decides nothing
    (tmp_path / folder / "ml-latest-small.zip").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(ValueError, match="MovieLens's archive must be the original file"):
        load("movielens/latest-small-ratings", data_dir=tmp_path, cache_dir=tmp_path / "cache")


def test_unknown_sizes_name_the_nearest(tmp_path, tfds):
    with pytest.raises(ValueError, match="Did you mean 'movielens/100k-ratings'"):
        load("movielens/10k-ratings", data_dir=tmp_path, cache_dir=tmp_path / "cache")


def test_the_raw_file_needs_a_data_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("DECA_TF_DATA_DIR", raising=False)
    with pytest.raises(FileNotFoundError, match="'ml-100k-raw' is read from a data directory"):
        load("ml-100k-raw")
    with pytest.raises(FileNotFoundError, match="movielens/u.data"):
        load("ml-100k-raw", data_dir=tmp_path)


@needs_data
def test_tfds_builds_from_the_archive_without_a_network(tmp_path, tfds, monkeypatch):
    """The first 3,000 ratings, for TFDS takes a good ten seconds to write all."""
    some = functools.partial(tfds.download.DownloadConfig, max_examples_per_split=3_000)
    monkeypatch.setattr(tfds.download, "DownloadConfig", some)
    whole = load_split("movielens/latest-small-ratings", cache_dir=tmp_path)
    assert set(whole.test.rating) == {5}
    assert set(whole.train.rating) > {3, 3.5, 4}
    monkeypatch.setattr(tfds.download, "DownloadConfig", None)  # what is built is not built again
    read = load("movielens/latest-small-ratings", cache_dir=tmp_path)
    archive = next(pathlib.Path(os.environ["DECA_TF_DATA_DIR"]).glob("**/ml-latest-small.zip"))
    with zipfile.ZipFile(archive) as opened:
        lines = opened.read("ml-latest-small/ratings.csv").decode().split()[1:3_001]
    users, items = read.raw_user_ids[read.user_id], read.raw_item_ids[read.item_id]
    rows = zip(users, items, read.rating.tolist(), read.timestamp.tolist(), strict=True)
    assert sorted(rows) == sorted(
        (user, item, float(stars), int(time)) for user, item, stars, time in map(fields, lines)
    )
    assert (np.diff(read.timestamp) >= 0).all()
    timeline = load_split(
        "movielens/latest-small-ratings", cache_dir=tmp_path, protocol="timeline", clean_test=""
    )
    cuts = [len(getattr(timeline, part)) for part in ("train", "validation", "test")]
    assert cuts == pytest.approx([2_400, 300, 300], abs=60)  # some ratings have one time
    assert timeline.train.timestamp.max() < timeline.validation.timestamp.min()
    assert timeline.validation.timestamp.max() < timeline.test.timestamp.min()


def fields(line):
    return line.split(",")


@needs_data
def test_the_raw_file():
    ratings = load("ml-100k-raw")
    assert (len(ratings), ratings.num_users, ratings.num_items) == (100_000, 943, 1_682)
    assert ratings.raw_user_ids[0] == 1
    assert (np.diff(ratings.timestamp) >= 0).all()
    first = (ratings.raw_user_ids[ratings.user_id] == 196) & (
        ratings.raw_item_ids[ratings.item_id] == 242
    )
    assert ratings.rating[first].tolist() == [3]
    assert ratings.timestamp[first].tolist() == [881_250_949]
