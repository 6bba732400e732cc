"""Time on the command line: protocols, cuts, clicks that age, trends."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import deca_tf

EASE = ("--model", "ease", "--set", "backbone.l2=10")


@pytest.fixture
def clicks(tmp_path, monkeypatch):
    """A table of 600 clicks, one every three hours, in the current folder."""
    pairs = np.random.default_rng(0).permutation(30 * 40)[:600]
    table = pd.DataFrame({"user": pairs // 40, "item": pairs % 40, "time": np.arange(600) * 10_800})
    table.to_csv(tmp_path / "clicks.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deca_tf.cli.console.console.width", 200)
    return tmp_path


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_it_says_the_protocol_and_until_when_each_part_goes(clicks, capsys):
    code, out, err = deca_tf(capsys, "train", "clicks.csv", *EASE)
    assert code == 0, err
    # 480 clicks in 60 days, then 60 in 7 and a half, then as many again.
    assert (
        "protocol timeline: 480 pairs to train on, 60 to validate, 60 to test, over 30 users and "
        "40 items; train until 1970-03-01, validation until 1970-03-09, test until 1970-03-16"
    ) in out
    assert "First seen in the test: 0 users, and 0 items with 0 of its pairs." in out
    assert "Then the model was learned anew from train and validation, and tested." in out
    days = metrics_of(clicks / "runs/clicks")["popularity_half_life"]
    assert f"most popular, half-life {days:g} d" in " ".join(out.split())
    code, out, _ = deca_tf(capsys, "train", "clicks.csv", *EASE)
    assert code == 0 and "This run was finished before" in out
    code, out, err = deca_tf(capsys, "evaluate", "runs/clicks")
    assert code == 0 and "as stored" in out, err


def test_a_way_to_split_by_name_gives_the_split_it_gave(clicks, capsys):
    code, out, err = deca_tf(
        capsys, "train", "clicks.csv", *EASE, "--split-by", "chronological-per-user"
    )
    assert code == 0, err
    assert "protocol clean" in out
    assert "of the training clicks lie after a test user's first test click" in out
    config = metrics_of(clicks / "runs/clicks")["config"]["data"]
    assert (config["protocol"], config["split_by"]) == ("clean", "chronological-per-user")
    code, _, err = deca_tf(capsys, "train", "clicks.csv", *EASE)
    assert code == 2
    assert "--protocol was 'clean' then and is 'timeline' now" in err


def test_several_cuts_are_shown_with_their_mean(clicks, capsys):
    code, out, err = deca_tf(capsys, "train", "clicks.csv", *EASE, "--cuts", "2")
    assert code == 0, err
    metrics = metrics_of(clicks / "runs/clicks")
    first, last = (cut["test"]["recall@20"] for cut in metrics["cuts"])
    assert metrics["mean"]["test"]["recall@20"] == pytest.approx((first + last) / 2)
    (line,) = (line for line in out.splitlines() if "│ mean" in line)
    assert f"{(first + last) / 2:.4f}" in line
    # Clicks 539 and 599 come 1,617 and 1,797 hours after the first.
    assert "1970-03-09 09:00:00" in out and "1970-03-16 21:00:00" in out


def test_a_trend_is_chosen_or_taken_and_said(clicks, capsys):
    code, out, err = deca_tf(
        capsys,
        *("train", "clicks.csv", *EASE, "--trend-weight", "0.25", "--trend-half-life", "7"),
    )
    assert code == 0, err
    assert "Each item's score has 0.25 times its trend of a half-life of 7 days." in out
    code, _, err = deca_tf(
        capsys, "train", "clicks.csv", *EASE, "--trend-weight", "auto", "--out", "runs/auto"
    )
    assert code == 0, err
    config = metrics_of(clicks / "runs/auto")["config"]
    assert config["time"] == {"trend_weight": "auto"}


@pytest.mark.parametrize(
    "typed, message",
    [
        (
            ("--protocol", "timeline", "--split-by", "random"),
            "`--split-by` must be unset under protocol 'timeline'",
        ),
        (("--trend-weight", "often"), "`--trend-weight` must be 'auto' or a number of at least 0"),
        (("--trend-half-life", "0"), "`--trend-half-life` must be 'auto' or a number above 0"),
        (("--click-half-life", "3"), "`--click-half-life` must be unset with model 'ease'"),
        (
            ("--split-by", "random", "--cuts", "2"),
            "`--cuts` must be 1 unless the protocol is 'timeline'",
        ),
        (
            ("--timestamp-column", "", "--trend-weight", "1"),
            "`--trend-weight` must be unset where clicks have no timestamps",
        ),
        (
            ("--timestamp-column", "", "--protocol", "timeline"),
            "'timeline' requires a `timestamp` for every interaction.*`--timestamp-column`",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line(typed, message, clicks, capsys):
    code, _, err = deca_tf(capsys, "train", "clicks.csv", *EASE, *typed)
    assert code == 2
    assert pd.Series(err).str.contains(message)[0], err


def test_a_search_on_a_timeline_is_one_of_train_and_its_validation(clicks, capsys):
    asked = ("--model", "popularity", "--trials", "2", "--baseline", "no")
    code, out, err = deca_tf(capsys, "tune", "clicks.csv", *asked)
    assert code == 0, err
    again = out.splitlines()[-1].partition("Next: deca-tf ")[2].split()
    code, out, err = deca_tf(capsys, *again)
    assert code == 0, err
    config = metrics_of(clicks / "runs/clicks-best")["config"]
    assert config["data"]["protocol"] == "timeline"
    assert config["time"]["trend_weight"] == "auto"
