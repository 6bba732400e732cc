"""Rolling origins: each cut a run of its own, their mean by hand."""

import numpy as np
import pandas as pd
import pytest

from deca_tf.baselines import Popularity
from deca_tf.config import merge, resolve
from deca_tf.data import load_split
from deca_tf.evaluation import evaluate
from deca_tf.runs.cuts import summary
from deca_tf.runs.data import read_split
from deca_tf.runs.load import load_run
from deca_tf.runs.run import run


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    rng = np.random.default_rng(1)
    pairs = rng.permutation(40 * 30)[:500]
    table = pd.DataFrame({"user": pairs // 30, "item": pairs % 30, "time": np.arange(500) * 9000})
    path = tmp_path_factory.mktemp("data") / "clicks.csv"
    table.to_csv(path, index=False)
    return path


def settings(clicks, *more):
    own = {"data": {"dataset": str(clicks), "cuts": 3}, "backbone": {"name": "popularity"}}
    return resolve(overrides=merge(own, *more))


@pytest.fixture(scope="module")
def finished(clicks, tmp_path_factory):
    """`(folder, metrics)`."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, run(settings(clicks), folder, show_progress=False)


def test_each_cut_has_a_train_of_its_own_and_the_last_one_is_kept(finished, clicks):
    folder, metrics = finished
    assert len(metrics["cuts"]) == 3
    for cut, windows in zip(metrics["cuts"], (2, 1, 0), strict=True):
        whole = load_split(clicks, windows_back=windows).for_refit()
        assert len(whole.train) == 450 - 50 * windows
        assert cut["test"] == evaluate(Popularity(whole.train), whole).metrics
        assert cut["timeline"]["windows_back"] == windows
        assert cut["timeline"]["test_until"] == str(whole.until["test"])
    assert metrics["test"] == metrics["cuts"][-1]["test"]
    assert load_run(folder)[2].fingerprint == load_split(clicks).for_refit().fingerprint


def test_the_mean_is_that_of_the_cuts(finished):
    _, metrics = finished
    for table in ("test", "test_popularity", "test_decayed_popularity"):
        each = [cut[table]["recall@20"] for cut in metrics["cuts"]]
        assert metrics["mean"][table]["recall@20"] == pytest.approx(sum(each) / 3, abs=1e-12)
    assert summary({"test": {"recall@20": 0.5}}, []) == {"test": {"recall@20": 0.5}}


def test_a_cut_is_a_run_that_stands_for_itself(finished, clicks, tmp_path):
    folder, metrics = finished
    stored, _, split = load_run(folder / "cuts" / "1")
    assert stored["config"]["data"]["windows_back"] == 2
    assert split.refit_of.fingerprint == load_split(clicks, windows_back=2).fingerprint
    again = run(resolve(folder / "cuts/1/config.toml"), tmp_path / "again", show_progress=False)
    assert again["test"] == metrics["cuts"][0]["test"]


def test_cuts_need_a_timeline_and_their_own_splits(clicks, tmp_path):
    clean = settings(clicks, {"data": {"protocol": "clean"}})
    with pytest.raises(ValueError, match="`data.cuts` must be 1 unless the protocol is 'timeline'"):
        run(clean, tmp_path / "clean", show_progress=False)
    with pytest.raises(ValueError, match="`data.cuts` must be 1 where a split is given"):
        run(settings(clicks), tmp_path / "split", split=read_split(settings(clicks)))
    with pytest.raises(ValueError, match="leave something to train on.*windows_back=8"):
        many = settings(clicks, {"data": {"cuts": 9}})
        run(many, tmp_path / "many", show_progress=False)
