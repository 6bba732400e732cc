"""`tools/wheel.py`: what a release must hold, and must not."""

import tarfile
import zipfile

import pytest

from tools import wheel


@pytest.fixture
def dist(tmp_path):
    """Makes a folder with a wheel and a source archive of empty files with these names."""

    def make(in_wheel, in_source):
        folder = tmp_path / "dist"
        folder.mkdir()
        with zipfile.ZipFile(folder / "deca_tf-1.whl", "w") as archive:
            for name in in_wheel:
                archive.writestr(name, "")
        with tarfile.open(folder / "deca_tf-1.tar.gz", "w:gz") as archive:
            for name in in_source:
                archive.addfile(tarfile.TarInfo(f"deca_tf-1/{name}"))
        return folder

    return make


def test_what_is_whole_passes(dist):
    names = [*wheel.MUST_HAVE, "deca_tf-1.dist-info/METADATA"]
    assert wheel.main(dist(names, ["pyproject.toml", "deca_tf/a.py", "pipelines/b.py"])) == 0


def test_what_is_missing_or_strange_is_said(dist, capsys):
    names = [*wheel.MUST_HAVE - {"deca_tf/py.typed"}, "pipelines/run.py"]
    assert wheel.main(dist(names, ["reproduction/results/runs.tar.xz"])) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "The source archive must not hold 'reproduction'.",
        "The wheel must not hold 'pipelines'.",
        "The wheel must hold 'deca_tf/py.typed'.",
    ]
