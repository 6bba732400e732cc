"""One run from settings to results: read, split, stream, train, evaluate, save.

The page that knows all rooms.
"""

import os
from typing import Any

import tensorflow as tf

from deca_tf.config import Config
from deca_tf.data.splits import Split
from deca_tf.distribution import agree, barrier, is_chief, make_strategy, noticing_lost_workers
from deca_tf.runs.building import needs_prior
from deca_tf.runs.data import read_split
from deca_tf.runs.evaluate import evaluate_run, versions
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.learn import learn
from deca_tf.runs.load import load_run, read_model
from deca_tf.runs.models import learns_at_once
from deca_tf.runs.preflight import check_settings
from deca_tf.runs.seeds import data_seed, role_seed
from deca_tf.runs.train import train
from deca_tf.training.callbacks.backup import checkpoints


def run(
    config: Config,
    out: str | os.PathLike[str],
    *,
    split: Split | None = None,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, Any] | None:
    """Trains and evaluates one model, or goes on where an earlier call was interrupted.

    Of several workers the chief alone writes, prints and evaluates; the others only train.

    Args:
        config: a `Config`, from `deca_tf.config.resolve`.
        out: folder for the results. If it holds this very run, finished, nothing is trained again.
        split: the `Split` to use, if it has been read already.
        show_progress: draws a progress bar.
        strategy: the `tf.distribute.Strategy` of `training.strategy`, if it has been made already.

    Returns:
        What is written to `metrics.json`, see `docs/runs.md`; None on workers other than the chief.

    Raises:
        FileExistsError: `out` belongs to another run, or another process is at work in it.
        ValueError, FileNotFoundError: a setting or the data cannot be used; said before training
            starts.
        ConnectionError: another worker is gone. The same command on all of them goes on from the
            last checkpoint.

    Example:
        >>> training = {"epochs": 1, "jit_compile": False}
        >>> settings = {"denoiser": {"name": "none"}, "training": training}
        >>> config = deca_tf.config.resolve(overrides=settings)
        >>> metrics = deca_tf.run(config, "runs/tour", split=split, show_progress=False)
        >>> metrics["denoiser"], metrics["train"]["epochs"]
        ('none', 1)

    Stability: stable.
    """
    if strategy is None:  # first of all: workers must meet before TensorFlow runs anything
        strategy = make_strategy(config.training.strategy)
    show_progress = show_progress and is_chief(strategy)
    check_settings(config)
    folder = RunFolder(out)
    folder.check(config)
    if split is None:
        split = read_split(config)
        if show_progress:
            print(split)
    with noticing_lost_workers(strategy):
        _agree(strategy, config, folder, split)
        if folder.is_finished:
            folder.check_data(split.fingerprint)
            return folder.read_metrics() if is_chief(strategy) else None
        if not is_chief(strategy):
            folder.check_data(split.fingerprint)
            _train_with_prior(config, folder, split, show_progress, strategy)
            barrier(strategy)
            return None
        folder.begin(config)
        with folder.locked():
            folder.bind_data(split.fingerprint)
            model, history, notes = _train_with_prior(
                config, folder, split, show_progress, strategy
            )
            metrics, per_user = evaluate_run(config, model, split, notes)
            folder.finish(model, history, metrics, per_user)
        barrier(strategy)  # the others wait for it: who left earlier would count as lost
        return metrics


def _agree(strategy, config, folder, split):
    """Compares what workers must have in common, before one of them waits for another."""
    agree(
        strategy,
        settings=_without_paths(config),
        versions=versions(),
        data=split.fingerprint,
        checkpoint=[path.name for path in checkpoints(folder.checkpoints)[-1:]],
        finished=folder.is_finished,
    )


def _without_paths(config):
    """The settings, as all workers must have them: files may lie elsewhere on each."""
    settings = config.to_dict()
    for table, key in (("data", "data_dir"), ("data", "dataset"), ("prior", "run")):
        settings.get(table, {}).pop(key, None)
    settings["data"].get("options", {}).pop("folder", None)
    return settings


def _train_with_prior(config, folder, split, show_progress, strategy):
    if learns_at_once(config):
        return learn(config, split)
    prior = (
        train_prior(config, split, folder, show_progress, strategy) if needs_prior(config) else None
    )
    return train(config, split, folder, prior, show_progress, strategy=strategy)


def train_prior(config, split, folder, show_progress=True, strategy=None):
    """The pre-trained target of DeCA(p), Algorithm 2, lines 1-10: a run within the run's folder.

    Returns:
        A backbone.
    """
    strategy = strategy or tf.distribute.get_strategy()
    if config.prior.run is not None:
        with strategy.scope():
            _, model, _ = load_run(config.prior.run, split=split)
        return model.target
    own = config.model_copy(
        update={
            "denoiser": type(config.denoiser)(name="none"),
            "training": config.prior_training(),
            "prior": type(config.prior)(),
        }
    )
    if config.prior.seed == "other":
        own.data = config.data.model_copy(update={"seed": data_seed(config)})
        own.seed = role_seed(config, "prior")
    run(own, folder.prior, split=split, show_progress=show_progress, strategy=strategy)
    with strategy.scope():
        return read_model(RunFolder(folder.prior)).target
