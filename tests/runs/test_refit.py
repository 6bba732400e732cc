"""Two stages: the validation chooses, and what it chose is learned anew with it."""

import json

import numpy as np
import pandas as pd
import pytest

from deca_tf.baselines import EASE
from deca_tf.config import merge, resolve
from deca_tf.data import load_split
from deca_tf.evaluation import evaluate
from deca_tf.runs.data import read_split, with_protocol
from deca_tf.runs.evaluate import clean_validation
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.load import load_run
from deca_tf.runs.refit import UNWATCHED, refits, second_stage
from deca_tf.runs.run import run
from deca_tf.runs.train import train
from deca_tf.training.callbacks.backup import Backup

pytestmark = pytest.mark.filterwarnings("ignore:Training has collapsed")


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Path of a table with times, in which tastes are two groups of users' and of items'."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(60 * 40)
    user, item = pairs // 40, pairs % 40
    likes = rng.random(len(pairs)) < np.where(user % 2 == item % 2, 0.6, 0.1)
    table = pd.DataFrame({"user": user[likes], "item": item[likes]})
    table["time"] = 1_700_000_000 + rng.permutation(len(table)) * 3600
    path = tmp_path_factory.mktemp("data") / "clicks.csv"
    table.to_csv(path, index=False)
    return path


def settings(clicks, *more):
    small = {
        "data": {"dataset": str(clicks)},
        "backbone": {"name": "mf", "embedding_dim": 4},
        "denoiser": {"name": "none"},
        "training": {
            **{"epochs": 5, "batch_size": 64, "learning_rate": 0.05, "jit_compile": False},
        },
    }
    return resolve(overrides=merge(small, *more))


@pytest.fixture(scope="module")
def finished(clicks, tmp_path_factory):
    """`(config, folder, metrics)`."""
    config, folder = settings(clicks), tmp_path_factory.mktemp("runs") / "run"
    return config, folder, run(config, folder, show_progress=False)


def test_the_protocol_follows_from_the_data_and_is_stored(clicks, finished, tmp_path):
    config, folder, metrics = finished
    assert config.data.protocol is None
    assert metrics["protocol"] == RunFolder(folder).read_config().data.protocol == "timeline"
    assert with_protocol(config).data.protocol == "timeline"
    for data in ({"split_by": "random"}, {"options": {"timestamp_column": ""}}):
        assert with_protocol(settings(clicks, {"data": data})).data.protocol == "clean"
    assert (
        with_protocol(resolve(overrides={"data": {"dataset": "ml-100k"}})).data.protocol == "clean"
    )


def test_a_folder_of_before_the_timeline_is_read_as_it_was(clicks, tmp_path):
    (tmp_path / "config.toml").write_text(
        f'[data]\ndataset = "{clicks}"\nprotocol = "clean"\n[denoiser]\nname = "none"\n'
    )
    config = RunFolder(tmp_path).read_config()
    expected = load_split(clicks, by="chronological-per-user")
    assert read_split(config).fingerprint == expected.fingerprint
    assert not refits(config, expected)


def test_the_second_stage_learns_what_was_chosen_from_all_before_the_test(finished, clicks):
    _config, folder, metrics = finished
    whole = load_split(clicks).for_refit()
    best = metrics["best_epoch"]
    last = {"epochs": best, "keep": "last", "watch_validation": False, "patience": None}
    again = settings(clicks, {"training": last})
    model, history, _ = train(again, whole, show_progress=False)
    assert len(history) == metrics["refit"]["epochs"] == best
    _, stored, split = load_run(folder)
    for ours, theirs in zip(stored.target.get_weights(), model.target.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert split.fingerprint == whole.fingerprint
    assert metrics["test"] == pytest.approx(evaluate(model, whole).metrics, abs=1e-6)


def test_what_is_stored_is_of_the_stage_that_it_says(finished, clicks):
    _config, folder, metrics = finished
    history = pd.read_csv(folder / "history.csv")
    assert len(history) == 5
    assert history["val_recall@20"].idxmax() + 1 == metrics["best_epoch"]
    assert metrics["timeline"] == {
        "train_until": str(load_split(clicks).until["train"]),
        "validation_until": str(load_split(clicks).until["validation"]),
        "test_until": str(load_split(clicks).until["test"]),
        "windows_back": 0,
        "new_users": 0,
        "new_items": 0,
        "new_item_pairs": 0,
    }
    assert not (folder / "choice.json").exists()
    assert not (folder / "refit").exists()
    stored, model, split = load_run(folder)
    assert clean_validation(model, split, stored=stored) == metrics["clean_validation"]
    best = history["val_recall@20"].max()
    assert metrics["clean_validation"]["recall@20"] == pytest.approx(best, abs=1e-6)
    with pytest.raises(ValueError, match="`clean_rule` must be 'all rows' for a run with a refit"):
        clean_validation(model, split, "rating >= 5", stored=stored)


def test_without_a_refit_the_model_knows_train_alone(finished, clicks, tmp_path):
    once = run(
        settings(clicks, {"training": {"refit": False}}), tmp_path / "once", show_progress=False
    )
    assert "refit" not in once
    assert once["best_epoch"] == finished[2]["best_epoch"]
    assert load_run(tmp_path / "once")[2].fingerprint == load_split(clicks).fingerprint
    assert once["test"] != finished[2]["test"]


def test_a_split_per_user_is_refitted_where_it_is_asked_for(clicks, tmp_path):
    asked = {"data": {"protocol": "clean"}, "training": {"refit": True, "epochs": 1}}
    metrics = run(settings(clicks, asked), tmp_path / "run", show_progress=False)
    assert metrics["refit"]["epochs"] == 1
    assert (metrics["protocol"], "timeline" in metrics) == ("clean", False)


@pytest.mark.parametrize("stage", [1, 2])
def test_a_run_that_is_interrupted_in_either_stage_goes_on(
    stage, finished, clicks, tmp_path, monkeypatch
):
    config, folder = finished[0], tmp_path / "torn"
    save, monkey_folder = Backup.save, (folder if stage == 1 else folder / "refit")

    def save_and_die(self, epochs_done):
        save(self, epochs_done)
        if self.folder == monkey_folder / "checkpoint" and epochs_done == 1:
            raise Interrupted

    monkeypatch.setattr(Backup.__init__, "__defaults__", (None, 0.0, 1.0))
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(Backup, "save", save_and_die)
        run(config, folder, show_progress=False)
    assert (folder / "choice.json").exists() == (stage == 2)
    assert (monkey_folder / "checkpoint" / "epoch-000001").exists()
    if stage == 2:
        choice = json.loads((folder / "choice.json").read_text())
        assert choice["epochs"] == finished[2]["best_epoch"]
        assert not (folder / "checkpoint").exists()
    torn = run(config, folder, show_progress=False)
    for key in ("test", "best_epoch", "clean_validation", "protocol"):
        assert torn[key] == finished[2][key]
    ours, theirs = (
        pd.read_csv(path / "history.csv")["val_recall@20"].tolist()
        for path in (folder, finished[1])
    )
    assert ours == theirs


def test_a_model_in_closed_form_learns_from_both(clicks, tmp_path):
    ease = {"data": {"dataset": str(clicks)}, "backbone": {"name": "ease", "l2": 10.0}}
    config = resolve(overrides=ease)
    metrics = run(config, tmp_path / "ease", show_progress=False)
    whole = load_split(clicks).for_refit()
    assert metrics["test"] == evaluate(EASE(whole.train, l2=10.0), whole).metrics
    validated = evaluate(
        EASE(load_split(clicks).train, l2=10.0), load_split(clicks), part="validation", ks=(20,)
    )
    assert pd.read_csv(tmp_path / "ease/history.csv")["val_recall@20"].tolist() == [
        validated["recall@20"]
    ]
    model = load_run(tmp_path / "ease")[1]
    np.testing.assert_array_equal(model.histories.toarray(), whole.train.to_csr().toarray())


def test_the_prior_of_each_stage_learns_from_what_the_stage_may_know(clicks, tmp_path, monkeypatch):
    bound = {}
    bind = RunFolder.bind_data

    def note(self, fingerprint):
        bound[self.path.relative_to(tmp_path).as_posix()] = fingerprint
        bind(self, fingerprint)

    monkeypatch.setattr(RunFolder, "bind_data", note)
    more = {"denoiser": {"name": "deca-p"}, "training": {"epochs": 2}}
    metrics = run(settings(clicks, more), tmp_path / "run", show_progress=False)
    split = load_split(clicks)
    assert bound == {
        "run": split.fingerprint,
        "run/prior": split.fingerprint,
        "run/refit/prior": split.for_refit().fingerprint,
    }
    prior = RunFolder(tmp_path / "run" / "prior").read_metrics()
    assert "refit" not in prior
    assert metrics["refit"]["epochs"] == metrics["best_epoch"]


def test_a_prior_that_knows_the_validation_is_refused(finished, clicks, tmp_path):
    more = {"denoiser": {"name": "deca-p"}, "prior": {"run": str(finished[1])}}
    with pytest.raises(ValueError, match="`prior.run` must be a run that did not learn from the"):
        run(settings(clicks, more), tmp_path / "run", show_progress=False)


def test_the_second_stage_looks_at_no_validation(clicks):
    config = settings(clicks, {"training": {"patience": 3}, "prior": {"training": {"l2": 0.5}}})
    own = second_stage(config, {"epochs": 2, "prior_epochs": 3})
    assert {key: getattr(own.training, key) for key in UNWATCHED} == UNWATCHED
    assert (own.training.epochs, own.training.learning_rate) == (2, 0.05)
    prior = own.prior_training()
    assert (prior.epochs, prior.l2, prior.keep) == (3, 0.5, "last")
    assert config.training.epochs == 5
