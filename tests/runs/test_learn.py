"""Runs of models that learn at once: no loop, the same folder, the same answers."""

import numpy as np
import pytest

from deca_tf.baselines import BASELINES, EASE, Baseline
from deca_tf.config import merge, resolve
from deca_tf.evaluation import evaluate
from deca_tf.recipes.methods import AT_ONCE
from deca_tf.runs.data import read_split, with_protocol
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.learn import make_baseline
from deca_tf.runs.load import load_run
from deca_tf.runs.preflight import check_settings
from deca_tf.runs.run import run
from deca_tf.runs.seeds import role_seed

SMALL = {
    "data": {
        "dataset": "synthetic",
        "options": {"num_users": 80, "num_items": 40, "num_clicks": 800},
    },
    "backbone": {"name": "ease", "l2": 7.0},
}


class Constant(Baseline):
    """The same for everybody."""

    def setup(self, interactions):
        self.scores = np.arange(interactions.num_items, dtype=np.float32)

    def score_all_items(self, user_ids):
        return np.broadcast_to(self.scores, (len(user_ids), self.num_items))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """`(folder, metrics, split)`."""
    folder, config = tmp_path_factory.mktemp("runs") / "ease", resolve(overrides=SMALL)
    split = read_split(config)
    return folder, run(config, folder, split=split, show_progress=False), split


def test_a_run_evaluates_what_the_class_itself_learns(finished):
    _, metrics, split = finished
    own = evaluate(EASE(split.train, l2=7.0), split)
    assert metrics["test"] == own.metrics
    assert (metrics["backbone"], metrics["denoiser"]) == ("ease", "none")
    assert (metrics["train"]["epochs"], metrics["collapsed"]) == (0, None)


def test_its_history_holds_the_validation(finished):
    folder, _, split = finished
    own = evaluate(EASE(split.train, l2=7.0), split, part="validation", ks=(20,))
    names, values = (line.split(",") for line in (folder / "history.csv").read_text().split())
    read = dict(zip(names, map(float, values), strict=True))
    assert read["val_recall@20"] == own["recall@20"]


def test_it_is_read_back_and_scores_as_before(finished):
    folder, metrics, split = finished
    stored, model, _ = load_run(folder, split=split)
    assert stored == metrics
    users = np.arange(split.num_users)
    np.testing.assert_array_equal(
        model.score_all_items(users), EASE(split.train, l2=7.0).score_all_items(users)
    )
    assert not RunFolder(folder).model_file.exists()


def test_it_is_not_learned_twice(finished, monkeypatch):
    folder, metrics, split = finished
    monkeypatch.setattr("deca_tf.runs.run.learn", None)  # a call would raise
    assert run(resolve(overrides=SMALL), folder, split=split, show_progress=False) == metrics


def test_every_baseline_is_known_to_learn_at_once():
    assert set(AT_ONCE) == set(BASELINES.names)


@pytest.mark.parametrize("model", AT_ONCE)
def test_settings_of_every_one_can_be_resolved_and_checked(model):
    config = resolve(overrides={"backbone": {"name": model}})
    assert config.denoiser.name == "none"
    check_settings(config)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"training": {"epochs": 3}}, "`training.epochs` must be left out with model 'ease'"),
        ({"denoiser": {"name": "deca"}}, "`denoiser` must be 'none' with model 'ease'"),
        ({"denoiser": {"alpha": 0.5}}, "Received: denoiser.alpha=0.5"),
        ({"backbone": {"dtyp": "float64"}}, "backbone.dtyp='float64'. Did you mean 'dtype'"),
        ({"backbone": {"name": "eas"}}, "'mf', 'neumf', 'popularity'.*Did you mean 'ease'"),
    ],
)
def test_what_means_nothing_without_a_loop_is_refused(more, said):
    with pytest.raises(ValueError, match=said):
        check_settings(resolve(overrides=merge(SMALL, more)))


def test_a_recipe_of_such_a_run_is_one_again(finished):
    folder, _, _ = finished
    config = resolve(folder / "config.toml")
    assert config == with_protocol(resolve(overrides=SMALL))


def test_a_class_of_ones_own_learns_at_once_too(tmp_path, finished):
    _, _, split = finished
    settings = {"data": SMALL["data"], "backbone": {"name": f"{__name__}:Constant"}}
    with pytest.raises(ValueError, match="`denoiser` must be 'none'"):
        check_settings(resolve(overrides=settings))
    config = resolve(overrides=merge(settings, {"denoiser": {"name": "none"}}))
    metrics = run(config, tmp_path / "own", split=split, show_progress=False)
    assert metrics["test"] == evaluate(Constant(split.train), split).metrics


def test_its_seed_is_drawn_from_the_runs(finished):
    _, _, split = finished
    config = resolve(overrides={"seed": 5, "backbone": {"name": "als"}})
    assert make_baseline(config, split.train).seed == role_seed(config, "target")
