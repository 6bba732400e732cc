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
from deca_tf.runs.cuts import earlier_cuts, summary
from deca_tf.runs.data import read_split, with_protocol
from deca_tf.runs.evaluate import clean_validation, evaluate_run, versions
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.learn import learn
from deca_tf.runs.load import load_run, read_model
from deca_tf.runs.models import learns_at_once
from deca_tf.runs.preflight import check_for_data, check_settings
from deca_tf.runs.refit import choice_of, refits, second_stage
from deca_tf.runs.seeds import data_seed, role_seed
from deca_tf.runs.train import train
from deca_tf.runs.trend import TREND, choose_trend, with_trend
from deca_tf.training.callbacks.backup import checkpoints
from deca_tf.trends.trending import Trending


def run(
    config: Config,
    out: str | os.PathLike[str],
    *,
    split: Split | None = None,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, Any] | None:
    """Trains and evaluates one model, or goes on where an earlier call was interrupted.

    Under protocol 'timeline' it learns twice: from train, until the validation has chosen, and then
    from train and validation what is tested and shipped, see `training.refit`.

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
    if split is not None and config.data.cuts > 1:
        raise ValueError(
            "`data.cuts` must be 1 where a split is given. Received: "
            f"data.cuts={config.data.cuts}. Leave `split` out, so that each cut is read."
        )
    folder = RunFolder(out)
    folder.check(config)
    config = with_protocol(config, split)
    folder.check(config)
    if split is None:
        split = read_split(config)
        if show_progress:
            print(split)
    check_for_data(config, split)
    with noticing_lost_workers(strategy):
        _agree(strategy, config, folder, split)
        if folder.is_finished:
            folder.check_data(split.fingerprint)
            return folder.read_metrics() if is_chief(strategy) else None
        if not is_chief(strategy):
            folder.check_data(split.fingerprint)
            _run_earlier(config, folder, show_progress, strategy)
            _learn(config, folder, split, show_progress, strategy)
            barrier(strategy)
            return None
        folder.begin(config)
        with folder.locked():
            folder.bind_data(split.fingerprint)
            earlier = _run_earlier(config, folder, show_progress, strategy)
            model, history, notes, learned = _learn(config, folder, split, show_progress, strategy)
            metrics, per_user = evaluate_run(config, model, learned, notes)
            metrics = summary(metrics, earlier)
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
        choice=folder.choice_file.is_file(),
        second_checkpoint=[
            path.name for path in checkpoints(RunFolder(folder.refit).checkpoints)[-1:]
        ],
        finished=folder.is_finished,
    )


def _without_paths(config):
    """The settings, as all workers must have them: files may lie elsewhere on each."""
    settings = config.to_dict()
    for table, key in (("data", "data_dir"), ("data", "dataset"), ("prior", "run")):
        settings.get(table, {}).pop(key, None)
    settings["data"].get("options", {}).pop("folder", None)
    return settings


def _run_earlier(config, folder, show_progress, strategy):
    """The runs of the cuts before the last one, the oldest first: their metrics."""
    return [
        run(own, path, show_progress=show_progress, strategy=strategy)
        for own, path in earlier_cuts(config, folder)
    ]


def _learn(config, folder, split, show_progress, strategy):
    """Learns the model of a run, in one stage or two.

    Returns:
        `(model, history, notes, split)`, the last what the model learned from; the history is that
        of the stage with a validation.
    """
    if not refits(config, split):
        model, history, notes = _train_with_prior(config, folder, split, show_progress, strategy)
        if is_chief(strategy):
            notes["trend"] = choose_trend(config, model, split)
        return model, history, notes, split
    whole = split.for_refit()
    choice = folder.read_choice()
    if choice is None:
        model, history, notes = _train_with_prior(config, folder, split, show_progress, strategy)
        if is_chief(strategy):
            notes["trend"] = choose_trend(config, model, split)
            notes["clean_validation"] = clean_validation(
                with_trend(model, split, notes["trend"]), split
            )
        choice = choice_of(folder, history, notes)
        if is_chief(strategy):
            folder.write_choice(choice)
    own = second_stage(config, choice)
    second = RunFolder(folder.refit)
    model, _, notes = _train_with_prior(own, second, whole, show_progress, strategy)
    refit = {**notes["train"], "epochs": choice["epochs"]}
    return (
        model,
        choice["history"],
        {**choice["notes"], "collapsed": notes["collapsed"], "refit": refit},
        whole,
    )


def _train_with_prior(config, folder, split, show_progress, strategy):
    if learns_at_once(config):
        return learn(config, split)
    prior = (
        train_prior(config, split, folder, show_progress, strategy) if needs_prior(config) else None
    )
    return train(config, split, folder, prior, show_progress, strategy=strategy)


def _refuse_prior_of_both(config, metrics, split):
    """Refuses a prior that knows the validation by which its target is chosen."""
    if "refit" in metrics and len(split.validation):
        raise ValueError(
            "`prior.run` must be a run that did not learn from the validation. Received: "
            f"{config.prior.run!r}, which was refitted with it. Train it with "
            "training.refit=False."
        )


def train_prior(config, split, folder, show_progress=True, strategy=None):
    """The pre-trained target of DeCA(p), Algorithm 2, lines 1-10: a run within the run's folder.

    Returns:
        A backbone.
    """
    strategy = strategy or tf.distribute.get_strategy()
    if config.prior.run is not None:
        with strategy.scope():
            metrics, model, _ = load_run(config.prior.run, split=split)
        _refuse_prior_of_both(config, metrics, split)
        return (model.model if isinstance(model, Trending) else model).target
    own = config.model_copy(
        update={
            "denoiser": type(config.denoiser)(name="none"),
            "training": config.prior_training(),
            "prior": type(config.prior)(),
            "time": config.time.model_copy(update=dict.fromkeys(TREND)),
        }
    )
    if refits(own, split):  # what the prior learned from must not hold the target's validation
        own.training = own.training.model_copy(update={"refit": False})
    if config.prior.seed == "other":
        own.data = config.data.model_copy(update={"seed": data_seed(config)})
        own.seed = role_seed(config, "prior")
    run(own, folder.prior, split=split, show_progress=show_progress, strategy=strategy)
    with strategy.scope():
        return read_model(RunFolder(folder.prior)).target
