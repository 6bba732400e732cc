"""Publishing on the command line: gate, versions, deployment files."""

import importlib.util
import json
import multiprocessing
import random
import shutil
import sys
import time

import numpy as np
import pandas as pd
import pytest

from deca_tf.cli import main as cli

pytestmark = pytest.mark.filterwarnings(
    "ignore:Training has collapsed"
)  # two or three epochs of a small table


def deca_tf(capsys, monkeypatch, *arguments):
    """Runs a command in this process: `(exit code, what it printed)`."""
    monkeypatch.setattr(sys, "argv", ["deca-tf", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr()
    return stop.value.code or 0, printed.out + printed.err


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a finished run on 900 clicks, with a table of titles beside it."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    pairs = rng.permutation(30 * 50)[:900]
    stars = rng.integers(1, 6, 900)
    table = pd.DataFrame(
        {
            "user": pairs // 50,
            "item": pairs % 50 + 100,
            "rating": stars,
            "timestamp": np.arange(900),
        }
    )
    table.to_csv(folder / "clicks.csv", index=False)
    pd.DataFrame({"item": range(100, 150), "title": [f"Film {i}" for i in range(100, 150)]}).to_csv(
        folder / "films.csv", index=False
    )
    options = [
        "--set",
        "training.batch_size=128",
        "--set",
        "training.jit_compile=false",
        "--epochs",
        "2",
        "-q",
    ]
    command = [
        "train",
        "--dataset",
        str(folder / "clicks.csv"),
        *options,
        "--out",
        str(folder / "run"),
    ]
    argv, sys.argv = sys.argv, ["deca-tf", *command]
    try:
        cli.app(standalone_mode=False)
    finally:
        sys.argv = argv
    return folder / "run"


@pytest.fixture(scope="module")
def published(run, tmp_path_factory):
    """A folder with one version, k of 3 and 5, with titles."""
    to = tmp_path_factory.mktemp("models") / "films"
    titles = ["--titles", str(run.parent / "films.csv")]
    argv, sys.argv = (
        sys.argv,
        ["deca-tf", "export", str(run), "--to", str(to), "--k", "3,5", *titles],
    )
    try:
        cli.app(standalone_mode=False)
    finally:
        sys.argv = argv
    return to


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published, tmp_path / "films")


def manifest_of(version):
    return json.loads((version / "assets.extra" / "manifest.json").read_text(encoding="utf-8"))


def test_what_is_published_says_where_it_comes_from(published, run):
    manifest = manifest_of(published / "1")
    assert (manifest["run"], manifest["ks"], manifest["backbone"]) == (str(run), [3, 5], "mf")
    assert manifest["validation"]["rule"] == "rating >= 5"
    assert 0 < manifest["validation"]["recall@20"] < 1
    assert manifest["data"] == (run / "data.sha256").read_text().strip()


def test_titles_are_shown(folder, capsys, monkeypatch):
    code, printed = deca_tf(capsys, monkeypatch, "recommend", folder, "--user", 3, "-k", 4)
    assert code == 0 and printed.count("Film 1") == 4


def test_a_worse_model_is_refused_unless_forced(folder, run, capsys, monkeypatch):
    file = folder / "1" / "assets.extra" / "manifest.json"
    manifest = manifest_of(folder / "1")
    manifest["validation"]["recall@20"] = 0.9
    file.write_text(json.dumps(manifest))
    code, printed = deca_tf(capsys, monkeypatch, "export", run, "--to", folder)
    assert code == 1
    assert (
        "below the 0.8550 that are asked: 95% of version 1's 0.9000." in printed
        and "Not published." in printed
    )
    assert not (folder / "2").exists()
    code, printed = deca_tf(
        capsys, monkeypatch, "export", run, "--to", folder, "--force", "--keep", 1, "--warmup", ""
    )
    assert code == 0 and "Removed old versions: 1." in printed
    assert sorted(entry.name for entry in folder.iterdir()) == ["2"]


def test_a_version_is_taken_back(folder, capsys, monkeypatch):
    shutil.copytree(folder / "1", folder / "2")
    code, printed = deca_tf(capsys, monkeypatch, "rollback", folder)
    assert (
        code == 0 and "Took 2 out of service" in printed and "Version 1 is the newest." in printed
    )
    assert sorted(entry.name for entry in folder.iterdir()) == ["1", "withdrawn-2"]
    code, printed = deca_tf(capsys, monkeypatch, "rollback", folder)
    assert code == 2 and "There must be a version to go back to." in printed


def test_deployment_files_are_written_and_checked(folder, capsys, monkeypatch):
    code, printed = deca_tf(capsys, monkeypatch, "deploy", "write", folder, "--stable", 1)
    assert code == 0 and f"deca-tf deploy check {folder}" in printed
    code, printed = deca_tf(capsys, monkeypatch, "deploy", "check", folder)
    assert code == 0 and printed.count("ok") >= 9 and "FAILED" not in printed
    (folder / "deployment" / "batching.config").write_text("max_batch_size: many")
    code, printed = deca_tf(capsys, monkeypatch, "deploy", "check", folder)
    assert code == 1 and "FAILED" in printed


@pytest.mark.parametrize("command", [("deploy", "write"), ("deploy", "check"), ("serve",)])
def test_without_the_extra_it_is_asked_for(command, folder, capsys, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "uvicorn" else found(name)
    )
    code, printed = deca_tf(capsys, monkeypatch, *command, folder)
    assert code == 2 and "without uvicorn. Run `pip install 'deca-tf[serving]'`." in printed
    assert not (folder / "deployment").exists()


@pytest.mark.parametrize(
    "options, said",
    [
        (("--k", "many"), "`--k` must be numbers with commas between them. Received: 'many'."),
        (("--warmup", "1;2"), "`--warmup` must be numbers with commas between them."),
        (("--titles", "none.csv"), "none.csv"),
        (
            ("--clean-rule", "rating >= 9"),
            "`--clean-rule` must be 'rating >= 5' for a run with a refit",
        ),
    ],
)
def test_a_wrong_option_is_one_line(options, said, run, tmp_path, capsys, monkeypatch):
    code, printed = deca_tf(capsys, monkeypatch, "export", run, "--to", tmp_path / "new", *options)
    assert code == 2 and said in printed and "Traceback" not in printed
    assert not (tmp_path / "new").exists()


def files(version):
    """Names of a version's files, each of which must have something in it."""
    found = [path for path in version.rglob("*") if path.is_file()]
    return {str(path.relative_to(version)): path.stat().st_size > 0 for path in found}


@pytest.mark.parametrize("moments", [4, pytest.param(50, marks=pytest.mark.long)])
def test_an_export_killed_at_any_moment_leaves_whole_versions_only(
    moments, run, tmp_path, capsys, monkeypatch
):
    context = multiprocessing.get_context(
        "forkserver"
    )  # has imported what takes long, and has run nothing of it
    context.set_forkserver_preload(
        ["deca_tf.cli.main", "deca_tf.runs.building", "deca_tf.serving.saved_model"]
    )
    monkeypatch.setattr(
        sys, "argv", ["deca-tf", "export", str(run), "--to", str(tmp_path), "--keep", "3"]
    )

    def begin():
        process = context.Process(target=cli.main)  # with this process's `sys.argv`
        process.start()
        return process

    for _ in range(2):  # the second one finds everything imported
        start = time.monotonic()
        process = begin()
        process.join()
        assert process.exitcode == 0
    whole, seconds = files(tmp_path / "1"), time.monotonic() - start
    assert "saved_model.pb" in whole and all(whole.values())
    rng = random.Random(0)
    for _ in range(moments):
        process = begin()
        process.join(rng.uniform(0.3, 1.1) * seconds)  # earlier it only reads; some live to the end
        process.kill()
        process.join()
        versions = [entry for entry in tmp_path.iterdir() if entry.name.isdigit()]
        assert versions and all(files(version) == whole for version in versions)
    code, printed = deca_tf(capsys, monkeypatch, "export", run, "--to", tmp_path, "--keep", 2)
    assert code == 0 and "Published" in printed
    code, printed = deca_tf(capsys, monkeypatch, "deploy", "check", tmp_path)
    assert code == 0
    newest = max(int(entry.name) for entry in tmp_path.iterdir() if entry.name.isdigit())
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(
        [str(newest - 1), str(newest)]
    )
