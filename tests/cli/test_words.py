"""Mistakes on the command line are told in its own words, before anything is trained."""

import re

import pandas as pd
import pytest
import typer

from deca_tf.cli import main as cli
from deca_tf.cli._words import in_command_words
from tests.cli.conftest import deca_tf

PYTHON = ("user_column", "split_by", "clean_test", "data_dir", "`out`", "dataset=", "header=False")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a table of four clicks and other files."""
    rows = {"who": ["a", "b", "a", "b"], "item": [1, 2, 3, 1], "date": range(4), "time": range(4)}
    pd.DataFrame(rows).to_csv(tmp_path / "clicks.csv", index=False)
    (tmp_path / "u.data").write_text("196\t242\t3\n186\t302\t3\n")
    (tmp_path / "bare.csv").write_text("196,242,3\n186,302,3\n")
    (tmp_path / "semicolons.csv").write_text("user;item\n196;242\n186;302\n")
    (tmp_path / "weights.csv").write_text("user,item,w\n1,2,1\n2,3,-5\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "requires a FILE, the name of a data set, or a --recipe"),
        ("a.csv --dataset b.csv", "FILE and --dataset are two ways to name the same"),
        ("ml-100", "`FILE` must be one of .*Received: ml-100. Did you mean 'ml-100k'"),
        ("--dataset ml-100", "`--dataset` must be one of .*Received: --dataset ml-100."),
        ("absent.csv", "must be an existing file. Received: '.*absent.csv'"),
        ("clicks.csv", "for the users. .*Name it with `--user-column`"),
        ("clicks.csv --user-column whom", "`--user-column` must name .*Did you mean 'who'"),
        ("clicks.csv --user-column who", "'date', 'time'. .*`--timestamp-column ''` to read none"),
        ("clicks.csv --user-column item --item-column item", "`--user-column` and `--item-column`"),
        ("u.data", r"'\\t' in its first line. .*`--separator tab`"),
        ("bare.csv", "set `--no-header` .* `--user-column 1` and `--item-column 2`"),
        ("semicolons.csv", "The header holds ';'.* set `--separator ';'`"),
        ("weights.csv --weight-column w", "Received: -5.* in data row 2. .*`--weight-column`"),
        ("weights.csv --repeats summ", "`--repeats` must be .*--repeats summ. Did you mean 'sum'"),
        ("synthetic --backbone gfm", "`--backbone` must be .*--backbone gfm. Did you mean 'gmf'"),
        ("synthetic --denoiser decca", "`--denoiser` must be one of .*Received: --denoiser decca"),
        (
            "synthetic --set denoiser.alfa=1",
            "Received: --set denoiser.alfa=1. Did you mean 'alpha'",
        ),
        ("synthetic --set denoiser.alpha=2", r"`--set denoiser.alpha=...` must be .*in \[0, 1\]"),
        (
            "synthetic --set denoiser.phases=4",
            r"`--set denoiser.phases=...` must be \('dp', 'dn'\)",
        ),
        ("bare.csv --set data.options.header=x", "`--set data.options.header=...` must be true or"),
        (
            "synthetic --set training.l2=-1",
            "`--set training.l2=...` must be at least 0.*--set training.l2=-1",
        ),
        ("synthetic --epochs 0", "`--epochs` must be at least 1. Received: --epochs 0.$"),
        ("synthetic --split-by radom", "`--split-by` must be one of .*Received: --split-by radom"),
        ("synthetic --clean-test rating>=3", "`--clean-test` must .*with `--rating-column`"),
        ("ml-100k --split-by random", "comes already split, .*Received: --split-by random"),
        ("synthetic --protocol paper", "`--protocol paper` exists only .*Use --protocol clean"),
        ("ml-100k --data-dir absent", "path given by `--data-dir` or the environment variable"),
        ("shards", "Set `--set data.options.folder=...`"),
        ("synthetic --seed -1", "`--seed` must be at least 0. Received: --seed -1.$"),
        ("synthetic --set foo=1", "Unknown setting. Received: --set foo=1. Known there: seed"),
        ("synthetic --set epochs=1", "Unknown setting. Received: --set epochs=1."),
        ("synthetic --set backbone=gmf", "`--set backbone=...` must be .*--set backbone=gmf.$"),
        (
            "synthetic --recipe absent.toml",
            "must be an existing TOML file. Received: 'absent.toml'",
        ),
        ("synthetic --out .", "`--out` must be a new or empty folder"),
    ],
)
def test_a_mistake_is_told_in_the_words_that_were_typed(typed, said, folder, capsys):
    code, out, err = deca_tf(capsys, "train", *typed.split())
    assert code == 2
    assert re.match(f"Error: .*{said}", err), err
    assert len(err.splitlines()) == 1
    assert not any(word in err for word in PYTHON)
    assert "loss" not in out


def test_other_commands_have_their_own_words(folder, capsys):
    code, _, err = deca_tf(capsys, "tune", "synthetic", "--objective", "val_recal@20")
    assert code == 2
    assert "`--objective` must be" in err
    assert "Received: --objective val_recal@20." in err
    code, _, err = deca_tf(capsys, "tune", "synthetic", "--baseline", "popularity")
    assert code == 2
    assert "`--baseline` must be a denoiser to compare with, one of 'deca', " in err
    assert "Received: --baseline popularity." in err
    code, _, err = deca_tf(capsys, "recommend", "nowhere", "--user", "x")
    assert code == 2
    assert "`--user" not in err
    assert err.endswith("Write one with `deca-tf export RUN --to FOLDER`.\n")
    (folder / "runs").mkdir()
    (folder / "runs/config.toml").touch()
    code, _, err = deca_tf(capsys, "recommend", "runs", "--user", "x")
    assert code == 2
    assert (
        "Received: runs, a run. Publish it by `deca-tf export runs --to saved_models/runs`." in err
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("`epochs` and epochs=3", "`--epochs` and --epochs 3"),
        ("by='a b', out='x'", "--split-by 'a b', --out x"),
        ("see `deca-tf train --out` in docs/out=1", "see `deca-tf train --out` in docs/out=1"),
        ("'epochs=3' and my_epochs=3 and `frame`", "'epochs=3' and my_epochs=3 and `frame`"),
        ("whose training.epochs is 3", "whose training.epochs is 3"),
    ],
)
def test_only_what_names_an_option_is_reworded(message, words):
    program = typer.main.get_command(cli.app)
    assert in_command_words(message, program, ["train", "clicks.csv"]) == words


def test_unknown_commands_and_options_are_corrected(capsys):
    code, _, err = deca_tf(capsys, "trian")
    assert code == 2
    assert "Did you mean 'train'?" in err
    code, _, err = deca_tf(capsys, "train", "--bacbone", "mf")
    assert code == 2
    assert "--backbone" in err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "--epochs 2 --set training.epochs=3",
            "Received: --epochs 2 and --set training.epochs=3. Leave",
        ),
        (
            "--backbone mf --set backbone.name=gmf",
            "Received: --backbone mf and --set backbone.name=gmf. Leave",
        ),
        (
            "--no-header --set data.options.header=true",
            "Received: --no-header and --set data.options.header=true. Leave",
        ),
        ("--set data.dataset=a.csv", "Received: clicks.csv and --set data.dataset=a.csv. Leave"),
        ("--repeats summ", "`--repeats` must be one of"),
        ("--split-by radom", "`--split-by` must be one of"),
        ("--protocol papr", "`--protocol` must be 'clean', 'paper' or 'timeline'"),
        ("--clean-test stars", "`--clean-test` must read `column operator number`"),
        ("--clean-test ratin>=5", "Did you mean 'rating'?"),
    ],
)
def test_what_can_be_seen_from_the_words_is_refused_before_tensorflow_is_loaded(
    typed, said, folder, capsys, monkeypatch
):
    monkeypatch.setattr("deca_tf.cli.train.load_tensorflow", None)  # a call would raise
    code, _, err = deca_tf(capsys, "train", "clicks.csv", *typed.split())
    assert code == 2
    assert said in err


def test_an_option_and_a_setting_that_agree_are_one(folder, capsys):
    code, _, err = deca_tf(
        capsys, "train", "absent.csv", "--epochs", "2", "--set", "training.epochs=2"
    )
    assert code == 2
    assert "must be an existing file" in err
