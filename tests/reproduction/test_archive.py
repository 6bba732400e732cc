"""Archives of finished runs."""

import io
import json
import tarfile

import pandas as pd
import pytest

from reproduction import archive
from reproduction.grid import Cell
from reproduction.results import Results
from tests.reproduction.conftest import fake_run, user_frame

CELL = Cell("ml-100k", "paper", "gmf", "none")
OTHER = Cell("ml-100k", "paper", "gmf", "deca")


@pytest.fixture
def written(tmp_path):
    """An archive of a run with users and a history, of an unfinished one, and of two findings."""
    root = tmp_path / "runs"
    users = user_frame([0.25, 0.5]).assign(**{"mrr@20": 0.1})
    config = CELL.config(0, "/home/me").to_dict()
    fake_run(
        root,
        CELL,
        0,
        users=users,
        history=pd.DataFrame({"epoch": [1], "loss": [0.5]}),
        config=config,
    )
    settings = CELL.folder(root, 0) / "config.toml"
    settings.write_text(settings.read_text().replace("[data]\n", '[data]\ndata_dir = "/home/me"\n'))
    torn = root / "writing-torn/paper"  # what a killed extraction leaves behind
    torn.mkdir(parents=True)
    (torn / "metrics.json").write_text("{}")
    (CELL.folder(root, 0) / "model.keras").write_bytes(b"large")
    fake_run(root, OTHER, 0)
    (OTHER.folder(root, 0) / "metrics.json").unlink()
    for seed in (0, 1):
        finding = root / f"derived/kind/seed-{seed}.json"
        finding.parent.mkdir(parents=True, exist_ok=True)
        finding.write_text(json.dumps(seed))
    assert archive.write(root, tmp_path / "all.tar.xz") == 6
    return tmp_path / "all.tar.xz"


def test_runs_come_back_without_their_models(tmp_path, written):
    root = tmp_path / "new"
    assert archive.extract(written, root) == 1
    results = Results(root, range(2))
    assert (results.finished(CELL), results.finished(OTHER)) == ((0,), ())
    (metrics,), (before,) = (
        results.metrics(CELL),
        Results(tmp_path / "runs", range(2)).metrics(CELL),
    )
    assert before["config"]["data"].pop("data_dir") == "/home/me"
    assert metrics == before
    assert "data_dir" not in (CELL.folder(root, 0) / "config.toml").read_text()
    assert results.histories(CELL)[0]["loss"].tolist() == [0.5]
    assert results.per_user(CELL).columns.tolist() == ["recall@20", "ndcg@20"]
    assert results.per_user(CELL)["recall@20"].tolist() == [0.25, 0.5]
    assert results.outdated(CELL) == []
    assert not results.folder(CELL, 0).model_file.exists()
    assert json.loads((root / "derived/kind/seed-1.json").read_text()) == 1
    assert archive.extract(written, root) == 0
    assert sorted(path.name for path in root.iterdir()) == ["derived", "paper"]


def test_what_is_there_stays(tmp_path, written):
    root = tmp_path / "new"
    fake_run(root, CELL, 0, 0.75)
    (root / "derived/kind").mkdir(parents=True)
    (root / "derived/kind/seed-0.json").write_text("7")
    assert archive.extract(written, root) == 0
    assert Results(root, range(1)).values(CELL, "recall@20") == [0.75]
    assert [
        json.loads((root / f"derived/kind/seed-{seed}.json").read_text()) for seed in (0, 1)
    ] == [7, 1]
    assert not (CELL.folder(root, 0) / "history.csv").exists()


@pytest.mark.parametrize(
    "content", [b"", b"no archive", "cut off"], ids=["empty", "text", "cut off"]
)
def test_what_is_no_archive_is_refused(tmp_path, written, content):
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(written.read_bytes()[:500] if content == "cut off" else content)
    with pytest.raises(
        ValueError, match=r"`archive` must be a file that `python -m reproduction --archive` wrote"
    ):
        archive.extract(broken, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../../outside.json", "{absolute}/outside.json", "paper/../../../outside.json"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    evil = tmp_path / "evil.tar.xz"
    with tarfile.open(evil, "w:xz") as file:
        entry = tarfile.TarInfo(name.format(absolute=tmp_path))
        entry.size = 2
        file.addfile(entry, io.BytesIO(b"{}"))
    with pytest.raises(ValueError, match="outside.json' is no file below the folder of the runs"):
        archive.extract(evil, tmp_path / "deep/new")
    assert not list(tmp_path.rglob("outside.json"))


def test_links_are_refused(tmp_path):
    evil = tmp_path / "evil.tar.xz"
    with tarfile.open(evil, "w:xz") as file:
        entry = tarfile.TarInfo("paper")
        entry.type, entry.linkname = tarfile.SYMTYPE, str(tmp_path)
        file.addfile(entry)
    with pytest.raises(ValueError, match="'paper' is no file"):
        archive.extract(evil, tmp_path / "new")
