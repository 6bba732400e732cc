"""Fits the model of a run, with all that goes along.

Validation, best weights, checkpoints, progress.
"""

import contextlib
import time

import tensorflow as tf

from deca_tf.data.batches import BATCH_SIZE
from deca_tf.distribution import check_batch
from deca_tf.metrics import METRICS
from deca_tf.runs.batches import build_batches
from deca_tf.runs.building import build_model
from deca_tf.runs.execution import set_execution
from deca_tf.runs.seeds import role_seed
from deca_tf.training.callbacks import (
    BestWeights,
    CollapseMonitor,
    ProgressBar,
    RankingMetrics,
    ReleasedEarlyStopping,
    Stopwatch,
)
from deca_tf.training.callbacks.backup import Backup, checkpoints, load_checkpoint

MONITOR_K = 20  # length of the lists that are evaluated after each epoch
MONITORS = tuple(f"val_{name}@{MONITOR_K}" for name in METRICS)


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
        save_last: leaves a checkpoint of the last epoch, from which a call with more epochs goes
            on.

    Returns:
        `(model, history, notes)`: the trained `DeCAModel`, one dict per epoch, and what
        `metrics.json` says of it.
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
    batches, groups, epoch_steps, positives = build_batches(
        config, split, model.denoiser, epochs_done, strategy
    )
    check_batch(groups, strategy, phases)
    set_execution(model, training, epoch_steps)
    sampled = training.num_negatives if model.denoiser.layout == "pairs" else 0
    stopwatch = Stopwatch(positives // phases * (1 + sampled), BATCH_SIZE * (2 if sampled else 1))
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
        released = ReleasedEarlyStopping(
            split, epoch_steps * phases, role_seed(config, "validation"), earlier=history
        )
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
        model.fit(
            batches,
            epochs=epochs,
            initial_epoch=epochs_done,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    kept = best.best_epoch if training.keep == "best" else None
    notes = {
        "train": {
            **stopwatch.report(),
            "epochs": len(history),
            "wall_seconds": time.perf_counter() - began,
        },
        "best_epoch": None if kept is None else kept + 1,
        "collapsed": collapse.collapsed,
    }
    return model, history, notes
