"""Version folders: whole or absent, numbered upwards, two writers at once included."""

import random
import subprocess
import sys
import time

import pytest

from deca_tf.serving.versions import (
    MANIFEST,
    find_version,
    new_version,
    remove_old,
    taken_versions,
    withdraw,
)

REQUIRED = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    MANIFEST,
)


def test_a_version_appears_only_when_it_is_complete(tmp_path):
    with new_version(tmp_path) as (scratch, published):
        (scratch / "saved_model.pb").write_text("x")
        assert taken_versions(tmp_path) == [] and published == []
        assert not scratch.name.isdigit() and scratch.parent == tmp_path
    assert published == [tmp_path / "1"]
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "x"


def test_two_writers_at_once_get_two_versions(tmp_path):
    with new_version(tmp_path) as (first, first_published):
        (first / "name").write_text("first")
        with new_version(tmp_path) as (second, second_published):
            (second / "name").write_text("second")
    assert [path.name for path in second_published + first_published] == ["1", "2"]
    assert (tmp_path / "1" / "name").read_text() == "second"


def test_a_number_taken_in_between_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "name").write_text("theirs")
    answers = iter([[], [1]])  # the first look comes too early
    monkeypatch.setattr("deca_tf.serving.versions.taken_versions", lambda folder: next(answers))
    with new_version(tmp_path) as (scratch, published):
        (scratch / "name").write_text("ours")
    assert published == [tmp_path / "2"]
    assert (tmp_path / "1" / "name").read_text() == "theirs"


def test_only_plain_integers_are_versions(tmp_path):
    for name in ("3", "007", "latest", "-1", "²", "1.5"):
        (tmp_path / name).mkdir()
    assert taken_versions(tmp_path) == [3, 7]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(NotADirectoryError, match="`folder` must be a folder.*which is a file"),
        new_version(tmp_path / "file"),
    ):
        pass


def complete(folder, number):
    path = folder / str(number)
    for name in REQUIRED:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    return path


def test_only_the_newest_complete_versions_stay(tmp_path):
    for number in (1, 2, 3, 5):
        complete(tmp_path, number)
    (tmp_path / "4").mkdir()
    (tmp_path / "withdrawn-9").mkdir()
    assert remove_old(tmp_path, 2, spare=(1,)) == [2]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1", "3", "4", "5", "withdrawn-9"]


def test_a_withdrawn_version_is_kept_and_its_number_never_given_again(tmp_path):
    for number in (1, 2, 3):
        complete(tmp_path, number)
    assert [path.name for path in withdraw(tmp_path, 1)] == ["withdrawn-3", "withdrawn-2"]
    assert find_version(tmp_path).name == "1"
    with new_version(tmp_path) as (scratch, published):
        (scratch / "name").write_text("next")
    assert published == [tmp_path / "4"]
    with pytest.raises(
        FileNotFoundError, match=r"one of the complete versions \[1\].*Received: version=3"
    ):
        withdraw(tmp_path, 3)


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    (tmp_path / "unfinished-dead").mkdir()
    with new_version(tmp_path) as (living, _):
        assert sorted(tmp_path.iterdir()) == [living]
        with new_version(tmp_path) as (other, _):
            assert sorted(tmp_path.iterdir()) == sorted([living, other])


WRITE_FOREVER = """
import sys
from deca_tf.serving.versions import new_version, remove_old
while True:
    with new_version(sys.argv[1]) as (scratch, _):
        for name in sys.argv[2:]:
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x" * 100_000)
    print("published", flush=True)
    remove_old(sys.argv[1], 3)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_versions_only(tmp_path):
    rng = random.Random(0)
    for _ in range(50):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOREVER, str(tmp_path), *REQUIRED],
            stdout=subprocess.PIPE,
            text=True,
        )
        writer.stdout.readline()  # it is at work
        time.sleep(rng.random() * 0.03)
        writer.kill()
        writer.communicate()
        numbers = [entry for entry in tmp_path.iterdir() if entry.name.isdigit()]
        assert 1 <= len(numbers) <= 5
        for version in numbers:
            assert {(version / name).stat().st_size for name in REQUIRED} == {100_000}
    with new_version(tmp_path) as (scratch, published):
        (scratch / "name").write_text("next")
    assert published
    assert not list(tmp_path.glob("unfinished-*"))
