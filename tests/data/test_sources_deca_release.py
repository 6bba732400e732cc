"""The released data: both protocols on a small fake release.

And the published counts on the real files.
"""

import functools
import hashlib
import os

import numpy as np
import pytest

from deca_tf._registry import Row
from deca_tf.data import load_split
from deca_tf.data.sources import SOURCES, deca_release
from deca_tf.data.sources import _downloads as downloads
from deca_tf.data.sources._verified_files import VerifiedFile

needs_data = pytest.mark.skipif(
    not os.environ.get("DECA_TF_DATA_DIR"),
    reason="DECA_TF_DATA_DIR names no folder with the released files",
)

TRAIN = "1\t0\t5\r\n2\t1\t3\r\n3\t2\t1\r\n1\t3\t4\r\n"
NOISY = "1\t1\t5\r\n2\t0\t2\r\n2\t1\t3\r\n"  # the last is in train
CLEAN = "1\t1\t5\r\n"
# In validation; twice; in train; item 4 beyond train.
TEST = "1\t1\t5\r\n3\t0\t5\r\n3\t0\t5\r\n1\t0\t5\r\n2\t4\t5"


def write(root, files):
    """Writes a folder `deca/tiny` and returns its files with their true checksums."""
    folder = root / "deca" / "tiny"
    folder.mkdir(parents=True)
    written = {}
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        written[name] = VerifiedFile(
            f"tiny/{name}", sha256=digest, size=len(data), url=f"https://example.invalid/{name}"
        )
    return written


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A data directory with a released data set `tiny`."""
    files = write(tmp_path, {"train": TRAIN, "noisy": NOISY, "valid": CLEAN, "test": TEST})
    release = deca_release.Release(
        train=files["train"],
        paper_validation=files["valid"],
        clean_validation=files["noisy"],
        test=files["test"],
    )
    monkeypatch.setitem(deca_release.RELEASES, "tiny", release)
    monkeypatch.setitem(SOURCES, "tiny", Row("deca_release"))
    monkeypatch.delenv("DECA_TF_DATA_DIR", raising=False)
    return tmp_path


def rows(interactions):
    return list(zip(interactions.user_id.tolist(), interactions.item_id.tolist(), strict=True))


def test_protocol_paper_keeps_the_released_rows(tiny):
    whole = load_split("tiny", protocol="paper", data_dir=tiny)
    assert rows(whole.train) == [(1, 0), (2, 1), (3, 2), (1, 3)]
    assert rows(whole.validation) == [(1, 1)]
    assert rows(whole.test) == [(1, 1), (3, 0), (3, 0), (1, 0), (2, 4)]
    assert whole.test.rating.tolist() == [5, 5, 5, 5, 5]
    assert (whole.leaks.train_validation, whole.leaks.train_test, whole.leaks.validation_test) == (
        0,
        1,
        1,
    )


def test_protocol_clean_has_no_pair_twice(tiny):
    whole = load_split("tiny", data_dir=tiny)
    assert whole.protocol == "clean"
    assert rows(whole.train) == [(1, 0), (2, 1), (3, 2), (1, 3)]
    assert rows(whole.validation) == [(1, 1), (2, 0)]
    assert rows(whole.test) == [(3, 0), (2, 4)]
    assert (whole.leaks.total, whole.leaks.merged, whole.leaks.dropped) == (0, 1, 3)
    assert str(whole.leaks).startswith(
        "No pair is in two splits; 1 repeated pairs were merged; 3 pairs"
    )


def test_the_id_space_is_trains_and_grows_to_hold_the_rest(tiny):
    whole = load_split("tiny", data_dir=tiny)
    assert (whole.num_users, whole.num_items) == (4, 5)
    assert whole.train.raw_user_ids.tolist() == [0, 1, 2, 3]


def test_the_deca_folder_itself_will_do_and_so_will_the_variable(tiny, monkeypatch):
    assert len(load_split("tiny", data_dir=tiny / "deca").train) == 4
    monkeypatch.setenv("DECA_TF_DATA_DIR", str(tiny))
    assert len(load_split("tiny").train) == 4


def test_train_pairs_stand_in_for_an_absent_train_file(tmp_path, monkeypatch):
    np.savez(
        tmp_path / "pairs.npz", user=np.array([5, 6], np.int32), item=np.array([1, 0], np.int16)
    )
    pairs = (tmp_path / "pairs.npz").read_bytes()
    files = write(
        tmp_path,
        {
            "train": "6\t0\t0\r\n5\t1\t1\r\n",
            "pairs.npz": pairs,
            "valid": "5\t0\t0\r\n",
            "test": "6\t1\t1",
        },
    )
    release = deca_release.Release(
        *(files[name] for name in ("train", "test", "valid", "valid")),
        third_column="is_clean",
        num_users=10,
        num_items=20,
        train_pairs=files["pairs.npz"],
    )
    monkeypatch.setitem(deca_release.RELEASES, "tiny", release)
    monkeypatch.setitem(SOURCES, "tiny", Row("deca_release"))
    released = load_split("tiny", data_dir=tmp_path)
    assert released.train.is_noisy.tolist() == [True, False]
    (tmp_path / "deca/tiny/train").unlink()
    recovered = load_split("tiny", data_dir=tmp_path)
    assert recovered.train.is_noisy is None
    assert recovered.validation.is_noisy.tolist() == [True]
    assert set(rows(recovered.train)) == set(rows(released.train)) == {(5, 1), (6, 0)}
    assert (recovered.num_users, recovered.num_items) == (10, 20)


def test_a_changed_file_is_refused(tiny):
    path = tiny / "deca/tiny/test"
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    expected = deca_release.RELEASES["tiny"].test.sha256
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    message = f"test` must be the original file: sha256 {expected}. Received: sha256 {received}.*fetch it again from"
    with pytest.raises(ValueError, match=message):
        load_split("tiny", data_dir=tiny)


def test_git_blob_ids_are_verified():
    hello = VerifiedFile(
        "hello", git_blob="ce013625030ba8dba906f756967f9e9ca394464a"
    )  # git hash-object of "hello\n"
    hello.verify(b"hello\n", "hello")
    with pytest.raises(
        ValueError,
        match="git blob id ce013625030ba8dba906f756967f9e9ca394464a. Received: git blob id",
    ):
        hello.verify(b"hello", "hello")


def test_absent_files_say_where_they_come_from(tiny):
    (tiny / "deca/tiny/train").unlink()
    with pytest.raises(
        FileNotFoundError,
        match="tiny/train`.*wangyu-ustc/DeCA, commit 8b04aa8c.*`data_dir`.*DECA_TF_DATA_DIR",
    ):
        load_split("tiny", data_dir=tiny)


def test_an_absent_data_directory(tiny, monkeypatch):
    with pytest.raises(
        FileNotFoundError,
        match="existing folder. Received: data_dir='.*nowhere'. They come from.*DeCA",
    ):
        load_split("tiny", data_dir=tiny / "nowhere")
    monkeypatch.setenv("DECA_TF_DATA_DIR", "nowhere")
    with pytest.raises(
        FileNotFoundError, match="existing folder. Received: DECA_TF_DATA_DIR='nowhere'"
    ):
        load_split("tiny")


def test_downloads_come_from_tfds_cache_and_are_verified(tiny, tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    from tensorflow_datasets.core.download import resource

    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr("tensorflow_datasets.core.download.downloader.MAX_RETRIES", 0)
    monkeypatch.setattr(downloads, "check_reachable", _unreachable)
    cache = tmp_path / "tfds/downloads/deca_release"
    cache.mkdir(parents=True)
    for name, file in (("train", "train"), ("noisy", "clean_validation"), ("test", "test")):
        file = getattr(deca_release.RELEASES["tiny"], file)
        (cache / resource.get_dl_fname(file.url, file.sha256)).write_bytes(
            (tiny / "deca/tiny" / name).read_bytes()
        )
    assert len(load_split("tiny").train) == 4
    (cache / resource.get_dl_fname(file.url, file.sha256)).write_bytes(b"1\t1\t1")
    with pytest.raises(ValueError, match="must be the original file"):
        load_split("tiny")
    with pytest.raises(
        FileNotFoundError,
        match="could not be downloaded. Received: OSError: no route.*wangyu-ustc/DeCA",
    ):
        load_split("tiny", protocol="paper")  # whose validation file is not in the cache


def _unreachable(url):
    raise OSError("no route")


def test_the_sample_of_electronics_is_never_compared_with_the_paper():
    assert "electronics" in SOURCES
    with pytest.raises(ValueError, match="'electronics-sample' has no protocol 'paper'"):
        load_split("electronics-sample", protocol="paper")


# name, protocol: users x items, rows of train, validation, test, users of test; overlaps
PUBLISHED = {
    ("ml-100k", "paper"): ((944, 1611), (79_619, 1_707, 3_594, 707), (0, 0, 1_707)),
    ("ml-100k", "clean"): ((944, 1611), (79_619, 9_901, 1_887, 579), (0, 0, 0)),
    ("modcloth", "paper"): ((44_784, 1_020), (79_914, 9_990, 5_433, 4_303), (0, 0, 0)),
    ("modcloth", "clean"): ((44_784, 1_020), (79_914, 9_990, 5_433, 4_303), (0, 0, 0)),
    ("adressa", "paper"): ((212_231, 6_596), (419_491, 43_262, 18_632, 10_380), (1_132, 191, 78)),
    ("adressa", "clean"): ((212_231, 6_596), (419_491, 42_130, 17_762, 10_250), (0, 0, 0)),
    ("electronics-sample", "clean"): (
        (1_157_633, 9_560),
        (116_366, 12_930, 75_674, 74_888),
        (0, 0, 0),
    ),
}


@functools.cache
def released(name, protocol):
    """A real split, read once for all tests."""
    return load_split(name, protocol=protocol)


@needs_data
@pytest.mark.parametrize("name, protocol", PUBLISHED)
def test_published_counts(name, protocol):
    spaces, counts, overlaps = PUBLISHED[name, protocol]
    whole = released(name, protocol)
    assert (whole.num_users, whole.num_items) == spaces
    test_users = len(np.unique(whole.test.user_id))
    assert (len(whole.train), len(whole.validation), len(whole.test), test_users) == counts
    assert (
        whole.leaks.train_validation,
        whole.leaks.train_test,
        whole.leaks.validation_test,
    ) == overlaps
    parts = [set(part.pair_key.tolist()) for part in (whole.train, whole.validation, whole.test)]
    assert (
        len(parts[0] & parts[1]),
        len(parts[0] & parts[2]),
        len(parts[1] & parts[2]),
    ) == overlaps


def warm_users(whole):
    """How many of the test's users have a training row."""
    return np.isin(np.unique(whole.test.user_id), whole.train.user_id).sum()


@needs_data
def test_real_details():
    movielens = released("ml-100k", "paper")
    assert set(movielens.test.rating) == set(movielens.validation.rating) == {5}
    assert len(set(released("ml-100k", "clean").validation.rating)) == 5
    modcloth = released("modcloth", "clean")
    assert warm_users(modcloth) == 4_303 - 1_824 == 2_479
    assert warm_users(released("adressa", "clean")) == 5_447
    adressa = released("adressa", "paper")
    assert (adressa.validation.is_noisy.sum(), (~adressa.validation.is_noisy).sum()) == (
        29_459,
        13_803,
    )
    assert len(np.unique(adressa.test.pair_key)) == 18_028
    first, again = released("electronics-sample", "clean"), load_split("electronics-sample", seed=1)
    np.testing.assert_array_equal(first.validation.pair_key, again.validation.pair_key)
