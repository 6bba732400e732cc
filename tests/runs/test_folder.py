"""The folder of a run: whose it is, what it was made of, and who is at work in it."""

import os
import subprocess
import sys

import pytest

from deca_tf.config import resolve
from deca_tf.runs.folder import RunFolder


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


def test_what_a_killed_process_left_does_not_take_the_folder(folder):
    folder.path.mkdir()
    (folder.path / "writing-config.toml").write_text("seed = ")
    folder.begin(resolve())
    assert folder.read_config() == resolve()


def test_checking_makes_no_folder(folder):
    folder.check(resolve())
    assert not folder.path.exists()


def test_only_one_process_is_at_work_in_a_folder(folder):
    folder.begin(resolve())
    script = f"from deca_tf.runs.folder import RunFolder\nwith RunFolder({os.fspath(folder.path)!r}).locked(): pass"
    with folder.locked():
        other = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert (
            "FileExistsError: `out` must be a folder that no other run is using. Received: "
            in other.stderr
        )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert [file.name for file in folder.path.iterdir()] == ["config.toml"]


def test_other_data_is_refused_once_it_is_noted(folder):
    folder.begin(resolve())
    folder.check_data("of a run made before data was noted")
    folder.bind_data("one")
    folder.bind_data("one")
    with pytest.raises(
        ValueError, match=r"The data must be what the run was trained on. Received: .*run"
    ):
        folder.check_data("another")
