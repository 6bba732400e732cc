"""`python -m reproduction`, from the first run to the document."""

import json
import subprocess
import sys

import pytest

from deca_tf.cli.main import run_app
from reproduction.command import app
from reproduction.grid import Cell
from reproduction.targets import clean
from tests.reproduction.conftest import fake_run

pytestmark = pytest.mark.filterwarnings("ignore:Training has collapsed")


def reproduce(capsys, *arguments):
    """Runs the command in this process: `(exit code, stdout, stderr)`."""
    argv, sys.argv = sys.argv, ["reproduction", *map(str, arguments)]
    try:
        run_app(app)
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.argv = argv
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """A recipe of two epochs, and popularity as the only baseline."""
    recipe = tmp_path / "quick.toml"
    recipe.write_text(
        "training = { epochs = 2, jit_compile = false }\n[data.options]\nnum_users = "
        "100\nnum_items = 40\n"
        "num_clicks = 1000\n"
    )
    monkeypatch.setattr("deca_tf.config.shipped_recipe", lambda dataset: recipe)
    monkeypatch.setattr(clean, "BASELINES", {"popularity": "popularity"})
    return tmp_path


def test_a_table_from_its_runs(quick, capsys):
    page = quick / "page.md"
    page.write_text("# Page\n\n<!-- begin clean-synthetic -->\n<!-- end clean-synthetic -->\n")
    asked = ["clean", "--dataset", "synthetic", "--seeds", 1, "--jobs", 0]
    asked += ["--out", quick / "runs", "--document", page]
    code, out, err = reproduce(capsys, *asked)
    assert code == 0, err
    assert "4 runs and baselines: 0 finished, 4 to do." in out
    assert "4/4 " in out
    text = page.read_text()
    run = json.loads((quick / "runs/clean/synthetic/mf-deca/seed-0/metrics.json").read_text())
    assert f"| MF | DeCA | {run['test']['recall@20']:.4f} |" in text
    assert "| popularity |" in text
    assert (
        "![recall@20 on the noisy validation against the epoch, "
        "synthetic](learning_curves_synthetic.png)" in text
    )
    assert (quick / "learning_curves_synthetic.png").is_file()
    assert (quick / "runs.csv").is_file()
    assert f"{page} is filled in." in out
    before = (quick / "runs/clean/synthetic/mf-deca/seed-0/model.keras").stat().st_mtime_ns
    code, out, err = reproduce(capsys, *asked)
    assert code == 0, err
    assert "4 runs and baselines: 4 finished, 0 to do." in out
    assert (quick / "runs/clean/synthetic/mf-deca/seed-0/model.keras").stat().st_mtime_ns == before
    archive = quick / "runs.tar.xz"
    code, out, err = reproduce(capsys, *asked, "--render-only", "--archive", archive)
    assert code == 0, err
    page.write_text(page.read_text().replace("popularity", "lost"))
    elsewhere = [quick / "elsewhere" if word == quick / "runs" else word for word in asked]
    code, out, err = reproduce(capsys, *elsewhere, "--archive", archive)
    assert code == 0, err
    assert f"4 finished runs taken from {archive}." in out
    assert "4 runs and baselines: 4 finished, 0 to do." in out
    assert page.read_text() == text


def test_a_run_that_fails_is_reported_and_the_rest_is_there(quick, capsys, monkeypatch):
    from deca_tf.runs.run import run as own

    def run(config, out, **options):
        if config.denoiser.name == "deca":
            raise RuntimeError("out of luck.")
        return own(config, out, **options)

    monkeypatch.setattr("deca_tf.runs.run.run", run)
    asked = [
        "clean",
        "--dataset",
        "synthetic",
        "--seeds",
        1,
        "--jobs",
        0,
        "--out",
        quick / "runs",
    ]
    code, out, _ = reproduce(capsys, *asked)
    assert code == 1
    assert "FAILED clean/synthetic/mf-deca seed 0: RuntimeError: out of luck." in out
    assert "Not finished: 1 runs, in 1 of 3 cells." in out
    assert (quick / "runs/clean/synthetic/mf-deca-limit/seed-0/metrics.json").is_file()


def test_render_only_runs_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("reproduction.scheduler.run_jobs", None)
    cell = Cell("ml-100k", "paper", "gmf", "none")
    fake_run(tmp_path, cell, 0, 0.0953)
    file = cell.folder(tmp_path, 0) / "config.toml"
    file.write_text(file.read_text().replace("epochs = 20", "epochs = 21"))
    asked = [
        "table2",
        "--dataset",
        "ml-100k",
        "--protocol",
        "paper",
        "--render-only",
        "--out",
        tmp_path,
    ]
    code, out, err = reproduce(capsys, *asked)
    assert code == 0, err
    assert "| GMF | Normal | 0.0953 ▲<br>0.021 ± 0.001 | 0.0953<br>0.095 ± 0.001 |" in out
    assert "Made with other settings than today's recipe" in out
    assert "training.epochs is 21 and not 20" in out


def test_table_5_without_its_file_is_no_mistake(tmp_path, capsys):
    code, out, err = reproduce(capsys, "table5", "--data-dir", tmp_path, "--out", tmp_path / "runs")
    assert code == 0, err
    assert "electronics_5.train.rating" in out
    assert "0 runs and baselines: 0 finished, 0 to do." in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tabel2"], "Did you mean 'table2'?"),
        (["all", "--dataset", "modclot"], "Did you mean 'modcloth'?"),
        (["table3", "--dataset", "ml-100k"], "`--dataset` must be one of 'modcloth'"),
        (["table2", "--protocol", "papier"], "Did you mean 'paper'?"),
        (["clean", "--protocol", "paper"], "`--protocol` must be one of 'clean'"),
        (["table3", "--document", "absent.md"], "must be an existing Markdown file"),
    ],
)
def test_a_wrong_argument_is_one_line_before_anything_is_run(
    arguments, said, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("reproduction.command._run", None)
    code, _, err = reproduce(capsys, *arguments, "--out", tmp_path / "runs")
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_a_document_without_the_place_is_refused_before_anything_is_run(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("reproduction.command._run", None)
    page = tmp_path / "page.md"
    page.write_text("<!-- begin table3-paper -->\n<!-- end table3-paper -->\n")
    code, _, err = reproduce(capsys, "table3", "--protocol", "both", "--document", page)
    assert code == 2
    assert "must have a place for 'table3-clean'" in err


def test_help_lists_every_target_and_needs_no_tensorflow():
    script = (
        "import sys; sys.argv = ['reproduction', '--help']\n"
        "from deca_tf.cli.main import run_app\nfrom reproduction.command import app\n"
        "try: run_app(app)\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "from reproduction.targets import ORDER\n"
        "print('ORDER', *ORDER)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    shown, _, names = done.stdout.rpartition("ORDER ")
    for name in (*names.split(), "--jobs", "--render-only", "--document", "--seeds"):
        assert name in shown
