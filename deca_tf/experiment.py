"""One run from settings to results: read, split, stream, train, judge, save. The page that knows all rooms."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import pathlib
import platform
import time
import types

import keras
import tensorflow as tf

from deca_tf.backbones import BACKBONES
from deca_tf.batch_building import build_batches, steps_per_execution_of
from deca_tf.callbacks import (
    BestWeights,
    CollapseMonitor,
    ProgressBar,
    RankingMetrics,
    ReleasedEarlyStopping,
    Stopwatch,
)
from deca_tf.callbacks.backup import Backup, checkpoints, load_checkpoint
from deca_tf.checks import check_choice
from deca_tf.comparators import Popularity
from deca_tf.config import is_file_name
from deca_tf.data import load_split
from deca_tf.data.splitting import clean_test_mask
from deca_tf.denoisers import DENOISERS
from deca_tf.distribution import agree, barrier, check_batch, is_chief, make_strategy, noticing_lost_workers
from deca_tf.evaluation import evaluate
from deca_tf.metrics import METRICS
from deca_tf.model_building import build_model, role_seed
from deca_tf.run_folder import RunFolder

MONITOR_K = 20  # length of the lists that are judged after each epoch
MONITORS = tuple(f"val_{name}@{MONITOR_K}" for name in METRICS)
VERSIONS_OF = ("deca-tf", "tensorflow", "keras", "numpy")


def run(config, out, *, split=None, show_progress=True, strategy=None):
    """Trains and judges one model, or goes on where an earlier call was interrupted.

    Of several workers the chief alone writes, prints and judges the test; the others only train.

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
        ValueError, FileNotFoundError: a setting or the data cannot be used; said before training starts.
        ConnectionError: another worker is gone. The same command on all of them goes on from the last checkpoint.
    """
    if strategy is None:  # first of all: workers must meet before TensorFlow runs anything
        strategy = make_strategy(config.training.strategy)
    show_progress = show_progress and is_chief(strategy)
    check_parts(config)
    folder = RunFolder(out)
    folder.check(config)
    if split is None:
        split = read_split(config)
        if show_progress:
            print(split)
    with noticing_lost_workers(strategy):
        _agree(strategy, config, folder, split)
        if folder.is_finished:
            folder.check_data(fingerprint(split))
            return folder.read_metrics() if is_chief(strategy) else None
        if not is_chief(strategy):
            folder.check_data(fingerprint(split))
            _train_with_prior(config, folder, split, show_progress, strategy)
            barrier(strategy)
            return None
        folder.begin(config)
        with folder.locked():
            folder.bind_data(fingerprint(split))
            metrics = _run(config, folder, split, show_progress, strategy)
        barrier(strategy)  # the others wait for it: who left earlier would count as lost
        return metrics


def _agree(strategy, config, folder, split):
    """Compares what workers have to have in common, before any of them waits for another in training."""
    agree(
        strategy,
        settings=_without_paths(config),
        versions={name: _version(name) for name in VERSIONS_OF},
        data=fingerprint(split),
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
    prior = train_prior(config, split, folder, show_progress, strategy) if needs_prior(config) else None
    return train(config, split, folder, prior, show_progress, strategy=strategy)


def _run(config, folder, split, show_progress, strategy):
    model, history, notes = _train_with_prior(config, folder, split, show_progress, strategy)
    judged = evaluate(model, split)
    metrics = {
        "dataset": config.data.dataset,
        "backbone": config.backbone.name,
        "denoiser": config.denoiser.name,
        "protocol": split.protocol,
        "seed": config.seed,
        "config": config.to_dict(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in VERSIONS_OF}},
        "leaks": str(split.leaks),
        **notes,
        "evaluation": {
            "users": judged.num_users,
            "warm_users": judged.num_warm_users,
            "seconds": judged.seconds,
        },
        "test": judged.metrics,
        "test_warm": judged.warm,
        "test_popularity": evaluate(Popularity(split.train), split).metrics,
    }
    if split.protocol == "paper":
        metrics["test_unmasked"] = evaluate(model, split, leave_out_seen=False).metrics
    folder.finish(model, history, metrics, judged.per_user)
    return metrics


def load_run(path, *, data_dir=None, split=None):
    """A finished run's results, model and data.

    Args:
        path: of the run's folder.
        data_dir: folder of the public data sets, of the run's table or of its shards, where it is not the one that the
            run was given.
        split: the run's `Split`, if it has been read already.

    Returns:
        `(metrics, model, split)`: the contents of `metrics.json`, the `DeCAModel` and the `Split`.

    Raises:
        FileNotFoundError: the folder is no finished run's, or the data is gone.
        ValueError: the data is not what the run was trained on.
    """
    folder = RunFolder(path)
    metrics = folder.read_metrics()
    config = folder.read_config()
    if data_dir is not None:
        config.data.data_dir = data_dir
        if is_file_name(config.data.dataset):
            config.data.dataset = str(pathlib.Path(data_dir) / pathlib.Path(config.data.dataset).name)
        if "folder" in config.data.options:
            config.data.options["folder"] = data_dir
    split = read_split(config) if split is None else split
    folder.check_data(fingerprint(split))
    return metrics, keras.models.load_model(folder.model_file), split


def clean_validation(model, split, rule=None):
    """Judges a finished run's model on the clean rows of its validation, as it is published.

    Args:
        model: the `DeCAModel`.
        split: its `Split`.
        rule: as for `clean_test_mask`; None: 'is_noisy == 0' or 'rating >= 5', whichever the validation can be asked,
            else all of its rows.

    Returns:
        `{"rule", "users", "recall@20", ...}`.

    Raises:
        ValueError: a rule that cannot be applied, or that no row meets.
    """
    rows = split.validation
    if rule is None:
        known = ((rows.is_noisy, "is_noisy == 0"), (rows.rating, "rating >= 5"))
        rule = next((each for values, each in known if values is not None), None)
    if rule is not None:
        rows = rows.take(clean_test_mask(rows, rule))
        if not len(rows):
            raise ValueError(f"Some of the validation must meet the rule. Received: {rule!r}, which none does.")
    found = evaluate(model, dataclasses.replace(split, validation=rows), part="validation", ks=(MONITOR_K,))
    return {"rule": rule or "all rows", "users": found.num_users, **found.metrics}


def fingerprint(split):
    """Digest of what a model learns from and what its rows stand for: the pairs of train and the raw ids."""
    train = split.train
    digest = hashlib.sha256()
    for keys in train.sorted_pair_keys():
        digest.update(keys)
    for raw_ids in (train.raw_user_ids, train.raw_item_ids):
        digest.update("\n".join(map(str, raw_ids.tolist())).encode())
    return digest.hexdigest()


def check_parts(config):
    """Refuses, before any data is read, what would fail after it or after a prior's training.

    Raises:
        ValueError: an unknown backbone, denoiser, option of one, or metric to monitor, or a value that a part refuses.
        FileNotFoundError: the prior's run is none, or has not finished.
    """
    BACKBONES.check_options(config.backbone.name, config.backbone.model_extra)
    DENOISERS.check_options(config.denoiser.name, config.denoiser.model_extra)
    for name in (config.denoiser.auxiliary, config.denoiser.noise_model):
        BACKBONES.load(name)
    check_choice("training.monitor", config.training.monitor, MONITORS)
    training = config.training
    if not training.watch_validation and (training.keep == "best" or training.patience is not None):
        raise ValueError(
            "`training.watch_validation` must be true where the validation decides. Received: false, with "
            f"training.keep={training.keep!r} and training.patience={training.patience}. Choose keep='last' without "
            "patience, or leave it true."
        )
    if training.optimizer == "lazy-adam" and training.penalty == "norms" and training.l2:
        raise ValueError(
            "`training.penalty` must be 'squares' under training.optimizer='lazy-adam', which sees no whole table. "
            f"Received: 'norms', with training.l2={training.l2}. Choose 'squares', l2=0 or training.optimizer='adam'."
        )
    if config.data.options.get("stream"):
        for table, settings in (("training", training), ("prior.training", config.prior_training())):
            if settings.users_per_batch is not None:
                raise ValueError(
                    f"`{table}.users_per_batch` must be unset where data.options.stream is true: users do not lie "
                    f"together in shards. Received: {settings.users_per_batch}. Set data.options.stream=false."
                )
    if needs_prior(config) and config.prior.run is not None:
        RunFolder(config.prior.run).read_metrics()
    build_model(config, types.SimpleNamespace(num_users=1, num_items=1))


def read_split(config):
    """The `Split` that a config asks for."""
    data = config.data
    given = {"by": data.split_by, "clean_test": data.clean_test, **data.options}
    return load_split(
        data.dataset,
        protocol=data.protocol,
        data_dir=data.data_dir,
        seed=_data_seed(config),
        **{key: value for key, value in given.items() if value is not None},
    )


def needs_prior(config):
    """Whether the denoiser's auxiliary network is a pre-trained one (DeCA(p))."""
    return config.denoiser.name == "deca-p" or bool((config.denoiser.model_extra or {}).get("freeze_auxiliary"))


def train_prior(config, split, folder, show_progress=True, strategy=None):
    """The pre-trained target of DeCA(p), Algorithm 2, lines 1-10: a run of its own within the run's folder.

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
        own.data = config.data.model_copy(update={"seed": _data_seed(config)})
        own.seed = role_seed(config, "prior")
    run(own, folder.prior, split=split, show_progress=show_progress, strategy=strategy)
    with strategy.scope():
        return keras.models.load_model(RunFolder(folder.prior).model_file).target


def train(
    config,
    split,
    folder=None,
    prior=None,
    show_progress=True,
    *,
    strategy=None,
    model=None,
    collapse=None,
    callbacks=(),
    save_last=False,
):
    """Fits the model of a config, from the newest checkpoint of its folder if there is one.

    Args:
        config: a `Config`.
        split: the `Split`; its test is looked at only where `training.watch_test` says so.
        folder: the `RunFolder` of checkpoints; None: none are written.
        prior: the pre-trained target of DeCA(p).
        show_progress: draws a progress bar.
        strategy: the `tf.distribute.Strategy`; None: the one in whose scope it is called.
        model: the untrained model, where it has been made already.
        collapse: the `CollapseMonitor`; None: one that warns.
        callbacks: more callbacks, which find all metrics in the logs.
        save_last: leaves a checkpoint of the last epoch, from which a call with more epochs goes on.

    Returns:
        `(model, history, notes)`: the trained `DeCAModel`, one dict per epoch, and what `metrics.json` says of it.
    """
    training = config.training
    strategy = strategy or tf.distribute.get_strategy()
    best = None
    if training.keep == "best" or training.patience is not None:
        best = BestWeights(training.monitor, training.patience, put_back=training.keep == "best")
    history, epochs_done = [], 0
    saved = [] if folder is None else checkpoints(folder.checkpoints)
    if saved:
        with strategy.scope():
            model, state, best_weights = load_checkpoint(saved[-1])
        history, epochs_done = state["history"], state["epochs_done"]
        if best is not None and best_weights is not None:
            best.restore(state["best"], best_weights)
    elif model is None:
        with strategy.scope():
            model = build_model(config, split, prior)
    phases = len(model.denoiser.phases)
    batches, groups, epoch_steps = build_batches(config, split, model.denoiser, epochs_done, strategy)
    model.steps_per_execution = steps_per_execution_of(training, epoch_steps)
    check_batch(groups, strategy, phases)
    if training.strategy != "default":  # Keras can do neither under a strategy
        model.steps_per_execution = 1
        model.jit_compile = False
    stopwatch = Stopwatch(groups // phases * (1 + training.num_negatives))
    collapse = CollapseMonitor() if collapse is None else collapse
    collapse.earlier = tuple(history)
    backup = Backup(None if folder is None else folder.checkpoints, history, best, last=save_last)
    watched = {"val_": "validation"} if training.watch_validation else {}
    watched |= {"test_": "test"} if training.watch_test else {}
    ranking = [
        RankingMetrics(split, part, (MONITOR_K,), training.evaluate_every, prefix, earlier=history)
        for prefix, part in watched.items()
    ]
    callbacks = [stopwatch, collapse, *ranking, *([best] if best else []), *callbacks, backup]
    released = None
    if training.released_early_stopping:
        released = ReleasedEarlyStopping(split, epoch_steps * phases, role_seed(config, "validation"), earlier=history)
        callbacks.insert(0, released)
    is_over = any(stopper is not None and stopper.is_over for stopper in (best, released))
    epochs = epochs_done if is_over else training.epochs
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        stack.enter_context(backup.saving_on_interrupt())
        if show_progress:
            title = f"{split.name} {config.backbone.name} {config.denoiser.name}"
            bar = ProgressBar(training.epochs, title, ("loss", training.monitor), done=epochs_done)
            callbacks.append(stack.enter_context(bar))
        model.fit(batches, epochs=epochs, initial_epoch=epochs_done, shuffle=False, verbose=0, callbacks=callbacks)
    kept = best.best_epoch if training.keep == "best" else None
    notes = {
        "train": {**stopwatch.report(), "epochs": len(history), "wall_seconds": time.perf_counter() - began},
        "best_epoch": None if kept is None else kept + 1,
        "collapsed": collapse.collapsed,
    }
    return model, history, notes


def _data_seed(config):
    return config.seed if config.data.seed is None else config.data.seed


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
