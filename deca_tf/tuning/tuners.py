"""Keras Tuner's tuners, made to survive interruptions, and what a trial leaves behind."""

import contextlib
import io
import itertools
import json
import pathlib
import shutil
import time
import warnings

import keras
import keras_tuner

from deca_tf._checks import check_choice
from deca_tf._files import write_atomically
from deca_tf.runs.folder import RunFolder

TUNERS = ("bayesian", "hyperband", "grid")
RESULT = "result.json"
CHECKPOINTS = "run"  # of Hyperband's trials, while the search goes on
HYPERBAND_FACTOR = 3
FEWEST_RANDOM = 3  # trials of a Bayesian search before its model is asked


class _Durable:
    """Writes an oracle's state beside its place and renames it.

    A process may be killed while it writes.
    """

    def save(self):
        self._write(pathlib.Path(self._get_oracle_fname()), self)

    def _save_trial(self, trial):
        self._write(pathlib.Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial)

    @staticmethod
    def _write(path, stateful):
        write_atomically(path, json.dumps(stateful.get_state()))


class Bayesian(_Durable, keras_tuner.oracles.BayesianOptimizationOracle):
    """Keras Tuner's, durable, and without warnings of how well its own model fits."""

    def populate_space(self, trial_id):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().populate_space(trial_id)


class Hyperband(_Durable, keras_tuner.oracles.HyperbandOracle):
    """Keras Tuner's, durable."""


class Grid(_Durable, keras_tuner.Oracle):
    """Every point of a finite space, in order.

    Keras Tuner's own keeps its place in memory only, and ends at once when it is resumed.
    """

    def populate_space(self, trial_id):
        values = next(itertools.islice(points(self.hyperparameters), len(self.trials), None), None)
        return {"status": "STOPPED"} if values is None else {"status": "RUNNING", "values": values}


def points(hyperparameters):
    """All points of a finite space, as `{name: value}`, in the order of the space."""
    space = {each.name: list(each.values) for each in hyperparameters.space}
    for values in itertools.product(*space.values()):
        yield dict(zip(space, values, strict=True))


def make_tuner(kind, hypermodel, folder, *, trials=None):
    """A tuner whose state is in a folder; if there is one, the search goes on.

    Args:
        kind: 'bayesian', 'hyperband' or 'grid'.
        hypermodel: a `DeCAHyperModel`.
        folder: of this method's search.
        trials: how many at most, for 'bayesian' and 'grid'; None: all points of the grid.
            Hyperband's number follows from the epochs.

    Raises:
        ValueError: an unknown kind.
    """
    check_choice("tuner", kind, TUNERS)
    common = {"objective": hypermodel.objective, "seed": hypermodel.seed()}
    if kind == "hyperband":
        oracle = Hyperband(
            max_epochs=hypermodel.settings.training.epochs, factor=HYPERBAND_FACTOR, **common
        )
    elif kind == "grid":
        oracle = Grid(max_trials=trials, **common)
    else:
        # Keras Tuner's default, three per hyperparameter, would leave nothing of a small budget.
        oracle = Bayesian(
            max_trials=trials, num_initial_points=max(FEWEST_RANDOM, (trials or 0) // 3), **common
        )
    folder = pathlib.Path(folder)
    with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from ..."
        tuner = TrialTuner(
            oracle, hypermodel, directory=str(folder.parent), project_name=folder.name
        )
    tuner.oracle.verbose = 0
    return tuner


class TrialTuner(keras_tuner.Tuner):
    """Runs trials of a `DeCAHyperModel`.

    Each leaves `result.json` beside Keras Tuner's `trial.json`.

    Keras Tuner's own saves each trial's weights, and goes on from the best epoch's in Hyperband,
    with a new optimizer. Here Hyperband goes on from a checkpoint of the last epoch, optimizer
    included.
    """

    listener = None  # called after each trial
    _idle = False

    def pre_create_trial(self):
        if (
            self._idle
        ):  # a second request without a trial between: the oracle waits for other workers
            time.sleep(0.5)
        self._idle = True

    def on_trial_begin(self, trial):
        self._idle = False

    def run_trial(self, trial, **_):
        hp, folder = trial.hyperparameters, pathlib.Path(self.get_trial_dir(trial.trial_id))
        began = time.perf_counter()
        prolongs = "tuner/epochs" in hp.values and self.hypermodel.own_backbone is None
        runs = RunFolder(folder / CHECKPOINTS)
        if prolongs:
            self._take_checkpoint(hp.values.get("tuner/trial_id"), runs)
        keras.backend.clear_session()
        model = self.hypermodel.build(hp)
        told, collapsed, history = self.hypermodel.try_out(
            hp, model, folder=runs if prolongs else None, save_last=prolongs
        )
        result = {
            "trial": trial.trial_id,
            "worker": self.tuner_id,
            "collapsed": collapsed,
            "seconds": time.perf_counter() - began,
            "settings": self.hypermodel.config(hp).to_dict(),
            "history": history,
        }
        write_atomically(folder / RESULT, json.dumps(result))
        return told

    def _take_checkpoint(self, earlier, runs):
        """Copies what Hyperband's earlier, shorter trial of the same point left."""
        shutil.rmtree(
            runs.path, ignore_errors=True
        )  # what a worker that died left of this very trial
        if earlier is not None:
            left = RunFolder(pathlib.Path(self.get_trial_dir(earlier)) / CHECKPOINTS).checkpoints
            if left.is_dir():
                shutil.copytree(left, runs.checkpoints)

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if self.listener is not None:
            self.listener()


def know_as(folder, tuner_id):
    """Lets a tuner of this name find the state in a folder.

    Keras Tuner looks for a file of its name first.
    """
    own = pathlib.Path(folder) / f"{tuner_id}.json"
    if (pathlib.Path(folder) / "oracle.json").is_file() and not own.is_file():
        write_atomically(own, json.dumps({}))
