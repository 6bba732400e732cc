"""A search: the same budget, resumable, blind to the test, and what it leaves behind."""

import dataclasses
import json
import math

import pandas as pd
import pytest
import tensorflow as tf

from deca_tf.baselines import ItemKNN
from deca_tf.config import resolve
from deca_tf.evaluation import evaluate
from deca_tf.runs import train as training
from deca_tf.tuning import best_settings, read_trials, run_search, tuners
from deca_tf.tuning.plots import Axis
from deca_tf.tuning.search import mean_and_deviation
from deca_tf.tuning.tuners import TrialTuner
from tests.tuning.conftest import SMALL, small

pytestmark = pytest.mark.filterwarnings("ignore:Training has collapsed")  # two epochs
OBJECTIVE = "val_recall@20"


@pytest.fixture(scope="module")
def found(split, tmp_path_factory):
    """Two points of a grid for `deca-limit` and for normal training.

    Interrupted after one and gone on with.
    """
    out = tmp_path_factory.mktemp("search") / "out"
    asked = {"split": split, "tuner": "grid", "trials": 2}
    run_trial = TrialTuner.run_trial

    def interrupted(self, trial, **options):
        assert len(self.hypermodel.split.test) == 0, "the test is out of reach"
        told = run_trial(self, trial, **options)
        if len(self.oracle.trials) == 2:
            raise KeyboardInterrupt
        return told

    patch = pytest.MonkeyPatch()
    patch.setattr(TrialTuner, "run_trial", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_search(small(), out, **asked)
    patch.undo()
    frame = read_trials(out / "deca-limit", OBJECTIVE)
    assert frame["status"].tolist() == ["completed", "unfinished"]
    first = out / "deca-limit" / "trial_0" / "result.json"
    before = first.stat().st_mtime_ns
    # A second reading of the test would be a leak: the rows are gone before the first trial.
    patch.setattr("deca_tf.runs.evaluate.evaluate", None)
    heard = []
    search = run_search(
        small(),
        out,
        **asked,
        listener=lambda method, frame, ended: heard.extend((method, trial) for trial in ended),
    )
    patch.undo()
    assert first.stat().st_mtime_ns == before
    return search, heard


def test_an_interrupted_search_goes_on(found):
    search, heard = found
    assert search.trials["deca-limit"]["status"].tolist() == ["completed"] * 2
    assert heard == [("deca-limit", "1"), ("none", "0"), ("none", "1")], (
        "and not the one that was finished before"
    )
    trials = search.trials["deca-limit"].sort_values("trial")
    assert (
        trials["denoiser.c1"].nunique()
        * trials["denoiser.c2"].nunique()
        * trials["training.l2"].nunique()
        == 2
    )


def test_both_methods_have_the_same_budget(found):
    summary = found[0].summary().set_index("method")
    assert summary["completed"].to_dict() == {"deca-limit": 2, "none": 2}
    assert summary["epochs"].to_dict() == {"deca-limit": 4, "none": 4}


def test_the_best_settings_are_a_recipe(found):
    search, _ = found
    best = search.trials["deca-limit"].iloc[0]
    assert best[OBJECTIVE] == search.trials["deca-limit"][OBJECTIVE].max()
    recipe = resolve(search.folder / "best" / "deca-limit.toml")
    assert recipe == search.best("deca-limit")
    assert (recipe.denoiser.c1, recipe.training.l2) == (best["denoiser.c1"], best["training.l2"])
    table = pd.read_csv(search.folder / "trials.csv")
    assert table["method"].tolist() == ["deca-limit"] * 2 + ["none"] * 2


def test_more_trials_go_on_and_other_settings_are_refused(found, split):
    search, _ = found
    asked = {"split": split, "tuner": "grid", "baseline": None}
    with pytest.raises(
        FileExistsError, match=r"same search.*settings.training.epochs is 2 and not 3"
    ):
        run_search(small({"training": {"epochs": 3}}), search.folder, trials=2, **asked)
    with pytest.raises(FileExistsError, match=r"held.training is None and not {'l2': 0.1}"):
        run_search(small(), search.folder, trials=2, held={"training": {"l2": 0.1}}, **asked)
    fewer = dataclasses.replace(split, train=split.train.take(slice(1, None)))
    with pytest.raises(FileExistsError, match=r"data is"):
        run_search(small(), search.folder, trials=2, **{**asked, "split": fewer})
    more = run_search(small(), search.folder, trials=3, **asked)
    assert more.trials["deca-limit"]["status"].tolist() == ["completed"] * 3


def test_the_best_settings_are_tested_only_when_asked_for(found, split):
    search, _ = found
    assert search.test is None
    assert not (search.folder / "test").exists()
    asked = {"split": split, "tuner": "grid", "trials": 3, "baseline": None}
    tested = run_search(small(), search.folder, test_seeds=2, **asked).test
    assert tested["seed"].tolist() == [0, 1]
    run = json.loads((search.folder / "test/deca-limit/seed-1/metrics.json").read_text())
    assert tested["recall@20"].iloc[1] == run["test"]["recall@20"]
    assert run["config"]["data"]["seed"] == 0
    mean, _ = mean_and_deviation(tested, "recall@20")["deca-limit"]
    assert mean == pytest.approx(tested["recall@20"].mean())


def test_hyperband_goes_on_from_where_the_shorter_trial_was(split, tmp_path, monkeypatch):
    monkeypatch.setattr(tuners, "HYPERBAND_FACTOR", 2)
    loaded, load = [], training.load_checkpoint
    monkeypatch.setattr(training, "load_checkpoint", lambda path: loaded.append(path) or load(path))
    search = run_search(
        small({"denoiser": {"name": "none"}, "training": {"epochs": 2}}),
        tmp_path / "out",
        split=split,
        tuner="hyperband",
    )
    longer = []
    for file in (tmp_path / "out/none").glob("trial_*/trial.json"):
        values = json.loads(file.read_text())["hyperparameters"]["values"]
        if values["tuner/initial_epoch"]:
            result = json.loads(file.with_name("result.json").read_text())
            earlier = json.loads(
                (file.parents[1] / f"trial_{values['tuner/trial_id']}/result.json").read_text()
            )
            assert result["history"][: len(earlier["history"])] == earlier["history"]
            assert len(result["history"]) == values["tuner/epochs"] > len(earlier["history"])
            longer.append(file)
    assert len(longer) == len(loaded) == 1
    assert set(search.trials) == {"none"}, "the baseline is the method itself"
    assert not list((tmp_path / "out/none").glob("trial_*/run")), "checkpoints are gone"


def test_bayesian(split, tmp_path):
    pytest.importorskip("sklearn")
    search = run_search(
        small(),
        tmp_path / "out",
        split=split,
        trials=1,
        baseline=None,
        held={"training": {"l2": 1.0}},
    )
    columns = search.trials["deca-limit"].columns
    assert {"denoiser.c_ratio", "denoiser.c_scale", "training.learning_rate"} <= set(columns)
    assert "training.l2" not in columns
    assert search.best("deca-limit").training.l2 == 1


def test_a_collapsed_trial_does_not_win(split, tmp_path):
    held = {"denoiser": {"c1": 1000, "c2": 0}, "training": {"learning_rate": 0.1}}
    config = small({"training": {"epochs": 20, "patience": 20}})  # so that nothing else ends it
    search = run_search(
        config, tmp_path / "out", split=split, tuner="grid", trials=1, baseline=None, held=held
    )
    row = search.trials["deca-limit"].iloc[0]
    assert (row["status"], row["collapsed"]) == ("collapsed", "all rejected")
    assert math.isnan(row[OBJECTIVE])
    assert 3 <= row["epochs"] < 20, "stopped"
    told = json.loads((tmp_path / "out/deca-limit/trial_0/trial.json").read_text())
    result = json.loads((tmp_path / "out/deca-limit/trial_0/result.json").read_text())
    assert told["score"] == 0, "the tuner keeps away"
    assert max(logs[OBJECTIVE] for logs in result["history"]) > 0, "whatever the ranking was"
    assert (
        search.missing[0]
        == "No trial of 'deca-limit' was completed, so there are no best settings."
    )
    with pytest.raises(ValueError, match=r"must have a completed trial.*'collapsed': 1"):
        best_settings(tmp_path / "out/deca-limit", OBJECTIVE)


def test_a_trial_that_fails_is_listed_and_the_search_goes_on(split, tmp_path, monkeypatch):
    run_trial = TrialTuner.run_trial

    def unlucky(self, trial, **options):
        if trial.trial_id == "0":
            raise RuntimeError("out of luck")
        return run_trial(self, trial, **options)

    monkeypatch.setattr(TrialTuner, "run_trial", unlucky)
    asked = {"split": split, "tuner": "grid", "trials": 2, "baseline": None}
    search = run_search(small({"denoiser": {"name": "none"}}), tmp_path / "out", **asked)
    assert search.trials["none"]["status"].tolist() == ["completed", "failed"]
    assert search.trials["none"]["message"].iloc[1] == "RuntimeError: out of luck"
    assert search.summary()["failed"].tolist() == [1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tuner": "baysian"}, "Did you mean 'bayesian'?"),
        ({"tuner": "grid", "space": "default"}, "requires a finite space, 'paper'"),
        ({"tuner": "hyperband", "trials": 3}, "follows from the epochs"),
        ({"tuner": "grid", "baseline": "nonne"}, "Did you mean 'none'?"),
        (
            {"tuner": "grid", "held": {"denoiser": {"c3": 1}}},
            "The options of denoiser 'deca-limit' are",
        ),
        ({"tuner": "grid", "workers": 0}, "`workers` must be an integer of at least 1"),
    ],
)
def test_wrong_arguments_are_refused_before_the_first_trial(asked, said, split, tmp_path):
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        run_search(small(), tmp_path / "out", split=split, **asked)
    assert not (tmp_path / "out").exists()


def test_a_prior_is_a_run(split, tmp_path):
    with pytest.raises(ValueError, match=r"`prior.run` must name a finished run"):
        run_search(
            small({"denoiser": {"name": "deca-p"}}), tmp_path / "out", split=split, tuner="grid"
        )


def test_the_plot(found):
    pytest.importorskip("matplotlib")
    png = (found[0].folder / "deca-limit.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    logarithmic = Axis([0.01, 1.0, 100.0])
    assert [logarithmic.height(value) for value in (0.01, 1.0, 100.0)] == pytest.approx([0, 0.5, 1])
    assert Axis([10.0, 15.0, 20.0]).height(15.0) == pytest.approx(0.5)
    assert Axis([True, False]).ticks() == [(0.0, "False"), (1.0, "True")]


def test_hparams_can_be_read_back(found):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    search, _ = found
    best = search.trials["deca-limit"].iloc[0]
    events = EventAccumulator(str(search.folder / "hparams" / f"deca-limit-{best['trial']}"))
    events.Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    given = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert given["denoiser.c1"].number_value == best["denoiser.c1"]
    assert given["method"].string_value == "deca-limit"
    assert tf.make_ndarray(events.Tensors(OBJECTIVE)[0].tensor_proto) == pytest.approx(
        best[OBJECTIVE]
    )
    assert len(events.Tensors(f"epochs/{OBJECTIVE}")) == 2


def test_a_model_that_learns_at_once_is_searched_by_its_grid(split, tmp_path):
    config = resolve(overrides={"data": SMALL["data"], "backbone": {"name": "item-knn"}})
    held = {"backbone": {"shrink": 0.0, "popularity_weight": 0.0, "half_life": None}}
    found = run_search(config, tmp_path / "search", split=split, held=held)
    trials = found.trials["item-knn"]
    assert sorted(trials["backbone.k"]) == [50, 200, 500]
    assert list(found.trials) == ["item-knn"]
    best = found.best("item-knn")
    assert best.backbone.model_extra["k"] == trials["backbone.k"].iloc[0]
    own = evaluate(ItemKNN(split.train, k=best.backbone.k, shrink=0.0), split, part="validation")
    assert trials["val_recall@20"].iloc[0] == pytest.approx(own["recall@20"], abs=1e-9)


def test_without_epochs_there_is_nothing_to_prolong(split, tmp_path):
    config = resolve(overrides={"backbone": {"name": "ease"}})
    with pytest.raises(ValueError, match="`tuner` must be 'grid' or 'bayesian'"):
        run_search(config, tmp_path, split=split, tuner="hyperband")
