"""A search from settings to results: methods with one budget, tables, figures, recipes, a test."""

import dataclasses
import json
import os
import pathlib
import shutil
import statistics
from collections.abc import Callable
from typing import Any

import keras
import pandas as pd

from deca_tf._checks import check_choice, check_integer, did_you_mean
from deca_tf._files import write_atomically
from deca_tf._registry import is_own
from deca_tf.config import Config
from deca_tf.data.splits import Split
from deca_tf.denoisers import DENOISERS
from deca_tf.runs.building import needs_prior
from deca_tf.runs.data import read_split, with_protocol
from deca_tf.runs.models import MODELS, learns_at_once
from deca_tf.runs.preflight import check_settings
from deca_tf.runs.run import run, train_prior
from deca_tf.tuning._search_folder import SETTINGS_FILE, check_folder, describe, made
from deca_tf.tuning._workers import Job, run_workers
from deca_tf.tuning.hparams import write_hparams
from deca_tf.tuning.plots import plot_parallel_coordinates
from deca_tf.tuning.search_space import SPACES
from deca_tf.tuning.trials import COMPLETED, UNFINISHED, best_settings, read_trials, write_recipe
from deca_tf.tuning.tuners import CHECKPOINTS, TUNERS

TRIALS = 30


@dataclasses.dataclass(frozen=True)
class Search:
    """What a search found.

    Args:
        folder: where everything is.
        objective: name of what was maximized.
        trials: `{method: table}`, see `deca_tf.tuning.trials.read_trials`.
        missing: what could not be made, and why.
        test: a row per method and seed with the test's metrics, if it was asked for; else None.

    Stability: provisional.
    """

    folder: pathlib.Path
    objective: str
    trials: dict[str, pd.DataFrame]
    missing: tuple[str, ...] = ()
    test: pd.DataFrame | None = None

    def best(self, method: str) -> Config:
        """The `Config` of a method's best trial."""
        return best_settings(self.folder / method, self.objective)

    def summary(self) -> pd.DataFrame:
        """A row per method: trials by status, the best objective, seconds and epochs in all."""
        rows = []
        for method, frame in self.trials.items():
            counted = frame["status"].value_counts()
            rows.append(
                {
                    "method": method,
                    **{
                        name: int(counted.get(name, 0))
                        for name in ("completed", "collapsed", "failed", "unfinished")
                    },
                    self.objective: frame[self.objective].max(),
                    "epochs": int(frame["epochs"].fillna(0).sum()),
                    "seconds": float(frame["seconds"].fillna(0).sum()),
                }
            )
        return pd.DataFrame(rows)


def run_search(
    config: Config,
    out: str | os.PathLike[str],
    *,
    split: Split | None = None,
    backbone: keras.Model | Callable[..., keras.Model] | None = None,
    tuner: str | None = None,
    space: str | None = None,
    trials: int | None = None,
    baseline: str | None = "none",
    held: dict[str, Any] | None = None,
    workers: int = 1,
    threads: int | None = None,
    test_seeds: int = 0,
    listener: Callable[[str, pd.DataFrame, list[str]], object] | None = None,
) -> Search:
    """Searches for the settings of a denoiser, and with the same budget for those of a baseline.

    The baseline has the same data, backbone, epochs, number of trials, tuner and seed; only the
    denoiser's own settings are absent. Trials see the train and the noisy validation, never the
    test.

    Interrupted, the same call goes on: finished trials stay, those that were running are run again.
    More `trials` than before go on as well.

    Args:
        config: a `Config` with the denoiser and all that is not searched. `training.epochs` is the
            length of a trial, at most, `training.monitor` the objective.
        out: folder for the results, see `docs/search.md`.
        split: the `Split` to use, if it has been read already.
        backbone: your own, as for `DeCAHyperModel`; None: the config's. With several workers it is
            a model or function that can be pickled.
        tuner: 'bayesian', 'hyperband' or 'grid'; None: 'grid' for a model that learns at once,
            whose space is finite, else 'bayesian'.
        space: 'default' or 'paper'; None: 'paper' for the grid of a model with a training loop,
            since a grid needs a finite one, else 'default'.
        trials: of each method, at most; None: 30, or all points of a grid. Hyperband's number
            follows from the epochs.
        baseline: name of the denoiser to compare with; None: no comparison.
        held: settings that are not searched, `{"denoiser": {"alpha": 0.5}}`.
        workers: trials at once, a process each if there are several.
        threads: TensorFlow's, in each of several workers; None: one.
        test_seeds: trains each method's best settings so often, with seeds from the config's on,
            and evaluates them on the test.
        listener: called as `(method, table, names)` when the trials of these names have ended.

    Returns:
        A `Search`.

    Raises:
        ValueError, TypeError, ImportError: something asked for is not possible; said before the
            first trial.
        FileExistsError: `out` holds a search with other settings.

    Stability: provisional.
    """
    MODELS.check_options(config.backbone.name, config.backbone.model_extra)
    at_once = backbone is None and learns_at_once(config)
    tuner = ("grid" if at_once else "bayesian") if tuner is None else tuner
    check_choice("tuner", tuner, TUNERS)
    finite = "default" if at_once else "paper"
    space = (
        (finite if tuner == "grid" else "default")
        if space is None
        else check_choice("space", space, SPACES)
    )
    if at_once and tuner == "hyperband":
        raise ValueError(
            f"`tuner` must be 'grid' or 'bayesian' for model {config.backbone.name!r}, which has no "
            "epochs to prolong. Received: tuner='hyperband'. Leave it out."
        )
    trials = _budget(tuner, space, trials, finite)
    workers, test_seeds = (
        check_integer("workers", workers),
        check_integer("test_seeds", test_seeds, low=0),
    )
    if needs_prior(config) and config.prior.run is None:
        raise ValueError(
            "`prior.run` must name a finished run where the denoiser needs a prior. Received: "
            "none, with denoiser "
            f"{config.denoiser.name!r}. Train one by `deca-tf train --denoiser none`."
        )
    if baseline is not None and baseline not in DENOISERS.names and not is_own(baseline):
        known = ", ".join(repr(name) for name in DENOISERS.names)
        raise ValueError(
            f"`baseline` must be a denoiser to compare with, one of {known}, or a class of your "
            f"own, 'package.module:Class'. Received: baseline={baseline!r}."
            f"{did_you_mean(baseline, DENOISERS.names)}"
        )
    config = with_protocol(config, split)
    # A model that learns at once has no method beside itself.
    asked = config.backbone.name if at_once else config.denoiser.name
    configs = {asked: config}
    if baseline is not None and baseline != config.denoiser.name and not at_once:
        configs[baseline] = baseline_config(config, baseline)
    for each in configs.values():
        check_settings(each)
    split = read_split(config) if split is None else split
    out = pathlib.Path(out)
    blind = without_test(split)
    jobs = {}
    for method, each in configs.items():
        hypermodel = {
            "split": blind,
            "backbone": backbone,
            "config": each,
            "space": space,
            "held": _held_of(method == asked, held),
            "prior": train_prior(each, blind, None) if needs_prior(each) else None,
        }
        jobs[method] = Job(out / method, tuner, trials, hypermodel, threads or 1)
    described = [(job, describe(job, configs[method], split)) for method, job in jobs.items()]
    for job, description in described:
        check_folder(job, description)
    for job, description in described:
        write_atomically(made(job.folder) / SETTINGS_FILE, json.dumps(description, indent=2) + "\n")
    objective = config.training.monitor
    for method, job in jobs.items():
        _run(job, method, objective, workers, listener)
    found = write_results(out, tuple(jobs), objective)
    if not test_seeds:
        return found
    if backbone is not None:
        raise ValueError(
            "`test_seeds` must be 0 with a backbone of your own, which a recipe cannot name. "
            "Received: "
            f"test_seeds={test_seeds}. The search is finished: fit `DeCAHyperModel.build` of its "
            "best point."
        )
    return dataclasses.replace(found, test=_test(found, split, test_seeds))


def baseline_config(config, name):
    """The same settings for another denoiser, without the first one's own."""
    return config.model_copy(deep=True, update={"denoiser": type(config.denoiser)(name=name)})


def without_test(split):
    """A `Split` without the rows of its test: what a search may see."""
    return dataclasses.replace(split, test=split.test.take(slice(0)))


def write_results(out, methods, objective):
    """Makes of a search's folders, finished or not, `trials.csv`, the plot, HParams and recipes.

    Returns:
        A `Search`.
    """
    out = pathlib.Path(out)
    frames = {method: read_trials(out / method, objective) for method in methods}
    table = pd.concat(
        [frame.assign(method=method) for method, frame in frames.items()], ignore_index=True
    )
    write_atomically(
        out / "trials.csv", table[["method", *table.columns.drop("method")]].to_csv(index=False)
    )
    missing = []
    for method, frame in frames.items():
        if not (frame["status"] == COMPLETED).any():
            missing.append(f"No trial of {method!r} was completed, so there are no best settings.")
            continue
        write_recipe(best_settings(out / method, objective), out / "best" / f"{method}.toml")
        try:
            plot_parallel_coordinates(
                frame, objective, out / f"{method}.png", f"{method}: {objective}"
            )
        except ImportError as error:
            missing.append(str(error))
    try:
        write_hparams(frames, out, out / "hparams", objective)
    except ImportError as error:
        missing.append(str(error))
    return Search(out, objective, frames, tuple(dict.fromkeys(missing)))


def _budget(tuner, space, trials, finite):
    if tuner == "hyperband" and trials is not None:
        raise ValueError(
            "`trials` must not be given with the tuner 'hyperband', whose number of trials "
            "follows from the epochs. "
            f"Received: trials={trials}. Set the epochs."
        )
    if tuner == "grid" and space != finite:
        raise ValueError(
            f"The tuner 'grid' requires a finite space, {finite!r}. Received: space={space!r}. Choose "
            "that, or the tuner "
            "'bayesian' or 'hyperband'."
        )
    if trials is not None:
        return check_integer("trials", trials)
    return TRIALS if tuner == "bayesian" else None


def _held_of(is_asked, held):
    """What is held for a method: the settings of the one asked for are not the baseline's."""
    held = held or {}
    return held if is_asked else {key: held[key] for key in held if key != "denoiser"}


def _run(job, method, objective, workers, listener):
    """Runs what is not finished of a search."""

    def ended_now():
        frame = read_trials(job.folder, objective)
        return frame, set(frame.loc[frame["status"] != UNFINISHED, "trial"])

    _, told = ended_now()

    def tell():
        frame, ended = ended_now()
        if listener is not None and ended - told:
            listener(method, frame, ended - told)
        told.update(ended)

    if workers > 1:
        run_workers(job, workers, tell)
    else:
        tuner = job.make_tuner()
        tuner.listener = tell
        tuner.search()
    for checkpoints in job.folder.glob(f"trial_*/{CHECKPOINTS}"):
        shutil.rmtree(checkpoints)  # nobody goes on from them any more


def _test(found, split, seeds):
    """Trains each method's best settings with several seeds and evaluates them on the test."""
    rows = []
    for method in found.trials:
        best = found.best(method)
        best.data.seed = (
            best.seed if best.data.seed is None else best.data.seed
        )  # one split for all seeds
        first = best.seed
        for seed in range(first, first + seeds):
            best.seed = seed
            metrics = run(
                best,
                found.folder / "test" / method / f"seed-{seed}",
                split=split if best.data.cuts == 1 else None,
                show_progress=False,
            )
            rows.append(
                {
                    "method": method,
                    "seed": seed,
                    "collapsed": metrics["collapsed"],
                    **metrics["test"],
                }
            )
    table = pd.DataFrame(rows)
    write_atomically(found.folder / "test.csv", table.to_csv(index=False))
    return table


def mean_and_deviation(table, metric):
    """`{method: (mean, sample standard deviation or None)}` of a metric of `Search.test`."""
    grouped = {
        method: rows[metric].tolist() for method, rows in table.groupby("method", sort=False)
    }
    return {
        method: (statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)
        for method, values in grouped.items()
    }
