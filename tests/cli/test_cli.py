"""The command line, end to end on a small table of one's own."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from deca_tf.backbones import MF
from deca_tf.cli import main as cli
from deca_tf.cli.recommend import print_recommendations
from tests.cli.conftest import deca_tf

pytestmark = pytest.mark.filterwarnings(
    "ignore:Training has collapsed"
)  # two or three epochs of a small table


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """A CSV of 900 clicks with unusual column names, text ids and stars."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(30 * 50)[:900]
    path = tmp_path_factory.mktemp("clicks") / "clicks.csv"
    pd.DataFrame(
        {
            "customer": [f"käufer-{user}" for user in pairs // 50],
            "sku": [f"sku/{item}" for item in pairs % 50],
            "score": rng.integers(1, 6, 900),
            "when": 1_700_000_000 + rng.integers(0, 10**6, 900),
        }
    ).to_csv(path, index=False)
    return path


COLUMNS = (
    "--user-column",
    "customer",
    "--item-column",
    "sku",
    "--rating-column",
    "score",
    "--timestamp-column",
    "when",
)
FAST = ("--set", "training.batch_size=128", "--set", "training.jit_compile=false", "--epochs", "3")


@pytest.fixture(scope="module")
def finished(clicks, tmp_path_factory):
    """The folder of a finished run on the clicks."""
    out = tmp_path_factory.mktemp("runs") / "clicks"
    arguments = [
        "train",
        "--dataset",
        clicks,
        *COLUMNS,
        "--clean-test",
        "rating >= 4",
        *FAST,
        "--out",
        out,
    ]
    argv, sys.argv = sys.argv, ["deca-tf", *map(str, arguments)]
    try:
        cli.app(standalone_mode=False)
    finally:
        sys.argv = argv
    return out


def test_train_writes_what_it_promises(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["dataset"].endswith("clicks.csv")
    assert (metrics["backbone"], metrics["denoiser"]) == ("mf", "deca")
    assert metrics["protocol"] == metrics["config"]["data"]["protocol"] == "timeline"
    assert metrics["refit"]["epochs"] == metrics["best_epoch"]
    assert metrics["config"]["denoiser"]["c1"] == 100
    assert metrics["config"]["training"]["epochs"] == 3
    assert metrics["versions"]["keras"]
    # 8 of 10 of 900 clicks in groups of 256 are 3 steps an epoch, each of two updates.
    assert metrics["train"]["steps"] == 3 * 3 * 2
    assert metrics["train"]["ms_per_step"] * metrics["train"][
        "examples_per_second"
    ] == pytest.approx(4096e3)
    for part in ("test", "test_warm"):
        assert set(metrics[part]) == {
            f"{name}@{k}"
            for name in ("recall", "ndcg", "precision", "mrr")
            for k in (3, 5, 10, 20, 50)
        }
    assert 0 < metrics["test"]["recall@20"] < metrics["test"]["recall@50"] <= 1
    history = pd.read_csv(finished / "history.csv")
    assert history["epoch"].tolist() == [1, 2, 3]
    assert {"loss", "val_recall@20", "positive_prob", "negative_prob"} <= set(history)
    assert metrics["best_epoch"] == history["val_recall@20"].idxmax() + 1
    assert not (finished / "checkpoint").exists()


def test_a_run_repeats_from_its_own_settings(finished, tmp_path, capsys):
    stored = json.loads((finished / "metrics.json").read_text())
    dataset = stored["config"]["data"]["dataset"]
    code, _, err = deca_tf(
        capsys,
        "train",
        "-q",
        "--dataset",
        dataset,
        "--recipe",
        finished / "config.toml",
        "--out",
        tmp_path / "again",
    )
    assert code == 0, err
    assert json.loads((tmp_path / "again" / "metrics.json").read_text())["test"] == stored["test"]


def test_evaluate_finds_the_stored_figures(finished, capsys):
    code, out, err = deca_tf(capsys, "evaluate", finished)
    assert code == 0, err
    assert "recall@20" in out
    assert "The figures are as stored" in out


def test_a_figure_that_differs_from_the_stored_one_is_said(finished, tmp_path, capsys):
    other = shutil.copytree(finished, tmp_path / "other")
    metrics = json.loads((other / "metrics.json").read_text())
    metrics["test"]["recall@20"] += 0.5
    (other / "metrics.json").write_text(json.dumps(metrics))
    code, out, err = deca_tf(capsys, "evaluate", other)
    assert code == 0, err
    assert "up to 0.5 away from metrics.json: is it the same data?" in out
    assert not out.rstrip().endswith("?.")


def test_a_stored_run_is_read_in_a_process_of_its_own(finished):
    # Keras finds a class only once its module has been imported, which here nothing else has done.
    script = (
        f"import sys; sys.argv = ['deca-tf', 'evaluate', {str(finished)!r}, '--json']\n"
        "from deca_tf.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    stored = json.loads((finished / "metrics.json").read_text())
    assert json.loads(done.stdout)["test"] == pytest.approx(stored["test"], abs=1e-6)


def test_export_and_recommend(finished, clicks, tmp_path, capsys):
    code, out, err = deca_tf(capsys, "export", finished, "--to", tmp_path / "served", "-k", 5)
    assert code == 0, err
    assert (tmp_path / "served" / "1" / "saved_model.pb").is_file()
    asked = ["recommend", tmp_path / "served", "--user", "käufer-3", "--user", "nobody", "--json"]
    code, out, err = deca_tf(capsys, *asked)
    assert code == 0, err
    rows = pd.DataFrame(map(json.loads, out.splitlines()))
    table = pd.read_csv(clicks)
    one = rows[rows["user_id"] == "käufer-3"]
    assert len(one) == 5
    assert one["known_user"].all()
    assert set(one["item_id"]) <= set(table["sku"])
    held_out = set(table[table["customer"] == "käufer-3"].sort_values("when")["sku"].iloc[-3:])
    assert not set(one["item_id"]) & (set(table[table["customer"] == "käufer-3"]["sku"]) - held_out)
    assert not rows[rows["user_id"] == "nobody"]["known_user"].any()
    code, out, _ = deca_tf(
        capsys, "recommend", tmp_path / "served", "--user", "nobody", "--user", "nobody", "-k", 3
    )
    assert out.count("not known") == 1
    assert out.count("sku/") == 3
    code, _, err = deca_tf(capsys, "recommend", tmp_path / "served", "--user", "nobody", "-k", 6)
    assert code == 2
    assert "Received: -k 6" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "ml-100"], "Did you mean 'ml-100k'?"),
        (["--dataset", "synthetic", "--backbone", "gfm"], "Did you mean 'gmf'?"),
        (["--dataset", "synthetic", "--denoiser", "decca"], "Did you mean 'deca'?"),
        (["--dataset", "synthetic", "--set", "denoiser.alfa=1"], "Did you mean 'alpha'?"),
        (["--dataset", "synthetic", "--set", "training.epoch=1"], "Did you mean 'epochs'?"),
        (["--dataset", "synthetic", "--set", "denoiser.alpha=2"], "in [0, 1]"),
        (
            ["--dataset", "synthetic", "--set", "training.monitor='val_recal@20'"],
            "Did you mean 'val_recall@20'?",
        ),
        (["--dataset", "synthetic", "--protocol", "paper"], "Use --protocol clean"),
        (["--dataset", "synthetic", "--recipe", "absent.toml"], "must be an existing TOML file"),
        (["--dataset", "absent.csv"], "absent.csv"),
        (["--dataset", "ml-100k", "--data-dir", "absent"], "must be an existing folder"),
    ],
)
def test_a_wrong_argument_is_one_line_before_training(arguments, said, tmp_path, capsys):
    code, _, err = deca_tf(capsys, "train", *arguments, "--out", tmp_path / "run")
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_an_unknown_column_is_said(clicks, tmp_path, capsys):
    code, _, err = deca_tf(
        capsys,
        "train",
        "--dataset",
        clicks,
        "--user-column",
        "custommer",
        "--item-column",
        "sku",
        "--out",
        tmp_path / "x",
    )
    assert code == 2
    assert "Did you mean 'customer'?" in err


def test_a_mistake_can_be_mended_in_the_same_folder(clicks, tmp_path, capsys):
    wrong = (
        "train",
        "-q",
        "--dataset",
        clicks,
        *FAST,
        "--user-column",
        "custommer",
        "--item-column",
        "sku",
    )
    code, _, _ = deca_tf(capsys, *wrong, "--out", tmp_path / "run")
    assert code == 2
    code, _, err = deca_tf(capsys, *wrong, "--user-column", "customer", "--out", tmp_path / "run")
    assert code == 0, err


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", "/run")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    code, _, err = deca_tf(capsys, "train", "--dataset", "synthetic", "--out", tmp_path / "run")
    assert code == 2
    assert err == "Error: [Errno 13] Permission denied: '/run'\n"


def test_an_interruption_says_how_to_go_on(clicks, tmp_path):
    script = "from deca_tf.cli.main import main\nmain()"
    arguments = [
        "train",
        "-q",
        "--dataset",
        clicks,
        *COLUMNS,
        *FAST,
        "--epochs",
        "1000000",
        "--out",
        tmp_path / "run",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments), "--set", "training.patience=1000000"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not (tmp_path / "run" / "config.toml").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Interrupted. The same command goes on" in err
    assert "Traceback" not in err


def test_an_interruption_that_a_library_swallows_is_one_still(
    capsys, clicks, monkeypatch, tmp_path
):
    adapt = MF.adapt

    def swallowing(self, interactions):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return adapt(self, interactions)

    monkeypatch.setattr(MF, "adapt", swallowing)
    code, _, err = deca_tf(
        capsys, "train", "-q", "--dataset", clicks, *COLUMNS, *FAST, "--out", tmp_path / "run"
    )
    assert code == 130
    assert "Interrupted. The same command goes on" in err
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_an_interruption_that_a_library_calls_a_mistake_is_one_still(capsys, monkeypatch, tmp_path):
    def interrupted_import(*_, **__):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    monkeypatch.setattr("pathlib.Path.mkdir", interrupted_import)
    before = signal.getsignal(signal.SIGINT)
    code, _, err = deca_tf(capsys, "train", "--dataset", "synthetic", "--out", tmp_path / "run")
    assert code == 130
    assert err == "Interrupted. The same command goes on from the last epoch that was saved.\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_data_that_has_changed_is_not_exported(finished, clicks, tmp_path, capsys):
    text = clicks.read_text(encoding="utf-8")
    (tmp_path / "clicks.csv").write_text(text.replace("käufer-7,", "zoe,"), encoding="utf-8")
    code, _, err = deca_tf(
        capsys, "export", finished, "--to", tmp_path / "served", "--data-dir", tmp_path
    )
    assert code == 2
    assert "The data must be what the run was trained on" in err
    shutil.copy(clicks, tmp_path / "clicks.csv")
    code, out, err = deca_tf(capsys, "evaluate", finished, "--data-dir", tmp_path)
    assert code == 0, err
    assert "The figures are as stored" in out


def test_ids_are_printed_as_they_are(capsys):
    rows = pd.DataFrame(
        {
            "rank": [1, 2],
            "item_id": ["[/b]", ":cat:"],
            "score": [1.0, 0.5],
            "known_user": [True] * 2,
        }
    )
    print_recommendations("[red]eve", rows)
    out = capsys.readouterr().out
    assert all(text in out for text in ("[/b]", ":cat:", "[red]eve"))


def test_a_folder_with_other_settings_is_refused(finished, clicks, capsys):
    code, _, err = deca_tf(
        capsys, "train", "--dataset", clicks, *COLUMNS, *FAST, "--seed", 5, "--out", finished
    )
    assert code == 2
    assert "is" in err
    assert "Name another folder" in err


def test_help_needs_no_tensorflow():
    script = (
        "import sys; sys.argv = ['deca-tf', 'train', '--help']\n"
        "from deca_tf.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for option in (
        "--dataset",
        "--backbone",
        "--denoiser",
        "--protocol",
        "--recipe",
        "--set",
        "--out",
    ):
        assert option in done.stdout


def test_the_demo(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("deca_tf.config.shipped_recipe", lambda dataset: recipe)
    recipe = tmp_path / "quick.toml"
    recipe.write_text(
        "training = { epochs = 2, jit_compile = false }\n[data.options]\nnum_users = "
        "200\nnum_items = 100\n"
        "num_clicks = 4000\n"
    )
    code, out, err = deca_tf(
        capsys, "demo", "--out", tmp_path / "runs", "--to", tmp_path / "served"
    )
    assert code == 0, err
    for part in (
        "most popular",
        "trained normally",
        "denoised (DeCA)",
        "ROC AUC",
        "For user_",
        "deca-tf train",
    ):
        assert part in out
    wins = "over normal training" in out
    assert wins != ("DeCA does not win here" in out)
    assert (tmp_path / "served" / "1" / "saved_model.pb").is_file()
