"""`deca-tf tune`, from the first trial to a recipe that `deca-tf train` takes."""

import re

import pandas as pd
import pytest

from deca_tf.cli.tune import print_trials
from tests.cli.conftest import deca_tf

pytestmark = pytest.mark.filterwarnings("ignore:Training has collapsed")  # an epoch or two
DATA = ("data.options.num_users=80", "data.options.num_items=40", "data.options.num_clicks=800")
QUICK = ("training.batch_size=128", "training.jit_compile=false", "backbone.embedding_dim=4")
SMALL = [word for setting in (*DATA, *QUICK) for word in ("--set", setting)]


def test_from_trials_to_a_recipe(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("deca_tf.cli.tune.console.width", 200)
    asked = [
        "tune",
        "--dataset",
        "synthetic",
        "--denoiser",
        "deca-limit",
        "--tuner",
        "grid",
        "--trials",
        1,
    ]
    asked += [
        "--epochs",
        1,
        "--set",
        "denoiser.c1=10",
        "--set",
        "denoiser.c2=10",
        *SMALL,
        "--out",
        tmp_path / "search",
    ]
    code, out, err = deca_tf(capsys, *asked)
    assert code == 0, err
    trials = pd.read_csv(tmp_path / "search/trials.csv")
    best = trials.groupby("method")["val_recall@20"].max()
    for method in ("deca-limit", "none"):
        assert f"{method} trial 0: val_recall@20" in out
        assert f"{best[method]:.4f}" in out
    assert "denoiser.c1" not in trials.columns
    assert "The same budget" in out
    recipe = tmp_path / "search/best/deca-limit.toml"
    assert f"deca-tf train --recipe {recipe}" in out.replace("\n", "")
    code, out, err = deca_tf(capsys, *asked)
    assert code == 0, err
    assert "deca-limit trial" not in out, "nothing was left to do"
    again = pd.read_csv(tmp_path / "search/trials.csv")
    pd.testing.assert_frame_equal(trials, again)
    code, _, err = deca_tf(capsys, *asked, "--seed", 1, "--set", "training.l2=0.1")
    assert code == 2
    assert "a search with other settings: --seed was 0 then and is 1 now, --set training.l2 " in err
    code, _, err = deca_tf(capsys, "train", "--recipe", recipe, "--out", tmp_path / "run", "-q")
    assert code == 0, err
    text = (tmp_path / "run/config.toml").read_text()
    assert "c1 = 10" in text
    chosen = trials[trials["method"] == "deca-limit"].iloc[0]
    assert f"l2 = {chosen['training.l2']}" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "`deca-tf tune` requires a FILE"),
        (
            ["--dataset", "synthetic", "--objective", "val_recal@20"],
            "Did you mean 'val_recall@20'?",
        ),
        (["--dataset", "synthetic", "--tuner", "gird"], "Did you mean 'grid'?"),
        (["--dataset", "synthetic", "--denoiser", "dcea"], "Did you mean 'deca'?"),
        (
            ["--dataset", "synthetic", "--tuner", "grid", "--set", "denoiser.c1=3"],
            "both or neither",
        ),
        (
            ["--dataset", "synthetic", "--tuner", "hyperband", "--trials", "3"],
            "follows from the epochs",
        ),
        (
            ["--dataset", "synthetic", "--tuner", "grid", "--denoiser", "deca-p"],
            "`--set prior.run=...` must name",
        ),
    ],
)
def test_a_wrong_argument_is_one_line_before_the_first_trial(
    arguments, said, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("deca_tf.tuning.search._run", None)
    code, _, err = deca_tf(capsys, "tune", *arguments, "--out", tmp_path / "search")
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "search").exists()


TRIALS = pd.DataFrame(
    {
        "trial": [3, 1],
        "status": ["completed", "collapsed"],
        "collapsed": [None, "all scores are equal"],
        "val_recall@20": [0.25, 0.0],
        "best_epoch": [7, 1],
        "backbone.embedding_dim": [32, 64],
        "denoiser.embedding_dim": [16, 8],
        "denoiser.alpha": [0.5, 1.0],
        "training.learning_rate": [0.001, 0.01],
        "training.l2": [0.1, 10.0],
    }
)


def test_trials_are_a_table_where_there_is_room(capsys, monkeypatch):
    monkeypatch.setattr("deca_tf.cli.tune.console.width", 200)
    print_trials(TRIALS, "val_recall@20", "Two trials")
    title, _, heading, _, first, second, *_ = capsys.readouterr().out.splitlines()
    assert title.strip() == "Two trials"
    assert re.findall(r"[\w@.]+(?: epoch)?", heading) == [
        *("trial", "val_recall@20", "best epoch", "backbone.embedding_dim"),
        *("denoiser.embedding_dim", "alpha", "learning_rate", "l2"),
    ]
    figures = ["3", "0.2500", "7", "32", "16", "0.5", "0.001", "0.1"]
    assert re.findall(r"[\d.]+", first) == figures
    assert "collapsed (all scores are equal)" in second


def test_trials_are_two_lines_each_where_there_is_none(capsys, monkeypatch):
    monkeypatch.setattr("deca_tf.cli.tune.console.width", 80)
    print_trials(TRIALS, "val_recall@20", "Two trials")
    assert capsys.readouterr().out.splitlines()[:3] == [
        "Two trials",
        "trial 3: val_recall@20 0.2500, best epoch 7",
        "  backbone.embedding_dim 32, denoiser.embedding_dim 16, alpha 0.5, learning_rate 0.001, "
        "l2 0.1",
    ]
