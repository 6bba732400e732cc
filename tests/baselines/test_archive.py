"""Baselines as files: what is loaded scores as what was saved, and nothing else is loaded."""

import functools
import json
import pathlib
import zipfile

import numpy as np
import pytest

from deca_tf import baselines
from deca_tf.baselines import BASELINES, EASE, Baseline, Popularity, archive
from deca_tf.data import Interactions
from deca_tf.parts import option

NUM_USERS, NUM_ITEMS = 30, 9


@pytest.fixture(scope="module")
def clicks():
    rng = np.random.default_rng(1)
    taken = rng.random((NUM_USERS, NUM_ITEMS)) < 0.3
    users, items = np.nonzero(taken)
    time = rng.integers(0, 30 * 86_400, len(users))
    return Interactions(users, items, np.arange(NUM_USERS), np.arange(NUM_ITEMS), timestamp=time)


class Own(Baseline):
    """A baseline of this module."""

    level: float = option(default=1.0, doc="Of all.")

    def setup(self, interactions):
        self.scores = np.full((1, self.num_items), self.level)
        self.note = {"clicks": len(interactions)}

    @functools.cached_property
    def twice(self):
        return object()

    def score_all_items(self, user_ids):
        return np.repeat(self.scores, len(user_ids), axis=0)


@pytest.mark.parametrize("name", BASELINES.names)
def test_what_is_loaded_is_what_was_saved(name, clicks, tmp_path):
    options = {"half_life": 7.0} if "half_life" in BASELINES.options(name) else {}
    model = BASELINES.build(name, interactions=clicks, options=options)
    model.save(tmp_path / "model.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]
    again = baselines.load(tmp_path / "model.npz")
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    assert (again.num_users, again.num_items) == (NUM_USERS, NUM_ITEMS)
    users = np.arange(NUM_USERS)
    np.testing.assert_array_equal(again.score_all_items(users), model.score_all_items(users))
    assert archive._name_of(type(model)) == name


def test_a_class_of_another_package_is_saved_by_its_name(clicks, tmp_path):
    model = Own(clicks, level=0.5)
    assert model.twice is model.twice  # worked out again, so not saved
    model.save(str(tmp_path / "own"))
    again = baselines.load(str(tmp_path / "own"))
    assert type(again) is Own
    assert (again.level, again.note) == (0.5, {"clicks": len(clicks)})
    assert again.score_all_items(np.arange(2)).tolist() == [[0.5] * NUM_ITEMS] * 2


def rewritten(path, **changes):
    """A saved file with another header."""
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(arrays.pop("header").tobytes()) | changes
    said = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, header=said, **arrays)


def test_a_file_does_not_say_what_is_imported(clicks, tmp_path):
    path = tmp_path / "own.npz"
    Own(clicks).save(path)
    rewritten(path, **{"class": "antigravity:Own"})
    with pytest.raises(TypeError, match="must be imported before .*'antigravity:Own'. Import"):
        baselines.load(path)
    rewritten(path, **{"class": "json:JSONDecoder"})
    with pytest.raises(TypeError, match=r"must be a subclass of deca_tf.baselines.Baseline"):
        baselines.load(path)
    rewritten(path, **{"class": "eas"})
    with pytest.raises(ValueError, match=r"Did you mean 'ease'\?"):
        baselines.load(path)


def broken(kind, path):
    whole = path.read_bytes()
    if kind == "cut off":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "one byte":
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda each: each.file_size)
        place = largest.header_offset + 300
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    elif kind == "no header":
        with path.open("wb") as file:
            np.savez(file, counts=np.arange(3))
    elif kind == "pickled":
        with path.open("wb") as file:
            np.savez(file, header=np.array([{}, None], object))
    else:
        path.write_bytes({"empty": b"", "text": b"user,item\n1,2\n"}[kind])


@pytest.mark.parametrize("kind", ["cut off", "one byte", "no header", "pickled", "empty", "text"])
def test_a_damaged_or_another_file_is_refused(kind, clicks, tmp_path):
    path = tmp_path / "model.npz"
    EASE(clicks).save(path)
    broken(kind, path)
    with pytest.raises(
        ValueError, match=r"`path` must be of a file that `Baseline.save` wrote.*Received: path='"
    ):
        baselines.load(path)


def test_a_file_of_a_newer_release_is_refused(clicks, tmp_path):
    path = tmp_path / "model.npz"
    Popularity(clicks).save(path)
    rewritten(path, version=2)
    with pytest.raises(ValueError, match="a file of version 1. Received: .* of version 2. Load it"):
        baselines.load(path)
    with pytest.raises(FileNotFoundError):
        baselines.load(tmp_path / "absent.npz")


def test_what_cannot_be_saved_is_named_and_leaves_no_file(clicks, tmp_path):
    model = Own(clicks)
    model.path = pathlib.Path("a")
    with pytest.raises(TypeError, match="Received: Own.path, a .*Path. Keep it in such a form"):
        model.save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_a_save_that_fails_leaves_the_file_that_was_there(clicks, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    Popularity(clicks).save(path)
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        EASE(clicks).save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["model.npz"]
