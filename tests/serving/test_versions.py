"""Version folders: whole or absent, numbered upwards, two writers at once included."""

import pytest

from deca_tf.serving.versions import new_version, taken_versions


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
