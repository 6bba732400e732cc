"""The TFDS builder of the released data gives the same splits as `load_split`."""

import dataclasses
import hashlib

import numpy as np
import pytest

from deca_tf.data import load_split
from deca_tf.data.sources import _downloads as downloads
from deca_tf.data.sources import _verified_files as verified_files
from deca_tf.data.sources import deca_release

tfds = pytest.importorskip("tensorflow_datasets")

from deca_tf.data.sources.deca_release_tfds import DecaRelease  # noqa: E402 - registers the builder


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A source folder whose ModCloth and Adressa are a few made-up rows, checksums adjusted."""
    texts = {
        "train": "0\t0\t5\r\n1\t1\t2\r\n2\t0\t0\r\n",
        "valid": "0\t1\t1\r\n",
        "test": "1\t0\t5\r\n1\t0\t5\r\n",
    }
    for name in ("modcloth", "adressa"):
        files = {}
        (tmp_path / "deca" / name).mkdir(parents=True)
        for part, text in texts.items():
            (tmp_path / "deca" / name / part).write_bytes(text.encode())
            files[part] = verified_files.VerifiedFile(
                f"{name}/{part}",
                sha256=hashlib.sha256(text.encode()).hexdigest(),
                url=f"https://example.invalid/{part}",
            )
        replaced = dataclasses.replace(
            deca_release.RELEASES[name],
            train=files["train"],
            paper_validation=files["valid"],
            clean_validation=files["valid"],
            test=files["test"],
        )
        monkeypatch.setitem(deca_release.RELEASES, name, replaced)
    monkeypatch.delenv("DECA_TF_DATA_DIR", raising=False)
    return tmp_path


@pytest.mark.parametrize("name, third", [("modcloth", "rating"), ("adressa", "is_noisy")])
@pytest.mark.parametrize("protocol", ["clean", "paper"])
def test_builder_holds_what_load_split_reads(small, tmp_path, name, third, protocol):
    builder = tfds.builder(
        f"deca_release/{name}-{protocol}", data_dir=tmp_path / "built", source_dir=small
    )
    builder.download_and_prepare()
    expected = load_split(name, protocol=protocol, data_dir=small)
    for part in ("train", "validation", "test"):
        rows = list(tfds.as_numpy(builder.as_dataset(split=part)))
        interactions = getattr(expected, part)
        assert [row["user_id"] for row in rows] == interactions.user_id.tolist()
        assert [row["item_id"] for row in rows] == interactions.item_id.tolist()
        assert [row[third] for row in rows] == getattr(interactions, third).tolist()
        assert rows[0][third].dtype == (np.float32 if third == "rating" else np.int32)


def test_configurations_are_the_releases_and_their_protocols():
    assert set(DecaRelease.builder_configs) == {
        *(
            "ml-100k-clean",
            "ml-100k-paper",
            "modcloth-clean",
            "modcloth-paper",
            "adressa-clean",
            "adressa-paper",
        ),
        *("electronics-clean", "electronics-paper", "electronics-sample-clean"),
    }
    url = f"https://raw.githubusercontent.com/wangyu-ustc/DeCA/{deca_release.COMMIT}/data/modcloth/modcloth.test.negative"
    assert DecaRelease.url_infos[url].checksum.startswith("83c9d9cd")


def test_without_source_or_network_the_builder_says_what_to_do(small, tmp_path, monkeypatch):
    def unreachable(url):
        raise OSError("no route")

    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr("tensorflow_datasets.core.download.downloader.MAX_RETRIES", 0)
    monkeypatch.setattr(downloads, "check_reachable", unreachable)
    builder = tfds.builder("deca_release/modcloth-clean", data_dir=tmp_path / "built")
    with pytest.raises(
        FileNotFoundError, match="could not be downloaded. Received: OSError: no route"
    ):
        builder.download_and_prepare()
