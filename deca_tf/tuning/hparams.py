"""Trials for TensorBoard's HParams page. Needs tensorboard, of the extra `plots`."""

import json
import os
import pathlib
import shutil

import pandas as pd
import tensorflow as tf

from deca_tf._extras import require_extra
from deca_tf.tuning.trials import UNFINISHED, hyperparameter_columns
from deca_tf.tuning.tuners import RESULT

CURVES = ("loss", "positive_prob", "negative_prob")


def write_hparams(
    frames: dict[str, pd.DataFrame],
    folder: str | os.PathLike[str],
    to: str | os.PathLike[str],
    objective: str,
) -> None:
    """Writes one TensorBoard run per trial: its settings, its objective, and its curves by epoch.

    Look at them by `tensorboard --logdir TO`.

    Args:
        frames: `{method: table}` of `read_trials`.
        folder: of the whole search, which has a folder per method.
        to: folder for the event files; what it held is replaced.
        objective: name of what was maximized.

    Raises:
        ImportError: tensorboard is not installed.

    Stability: provisional.
    """
    require_extra("plots", "TensorBoard's HParams page", "tensorboard")
    from tensorboard.plugins.hparams import api

    to = pathlib.Path(to)
    beside = to.with_name(f"writing-{to.name}")
    shutil.rmtree(beside, ignore_errors=True)
    names = list(
        dict.fromkeys(name for frame in frames.values() for name in hyperparameter_columns(frame))
    )
    with tf.summary.create_file_writer(str(beside)).as_default():
        api.hparams_config(
            hparams=[api.HParam("method"), api.HParam("status"), *map(api.HParam, names)],
            metrics=[api.Metric(objective), api.Metric("best_epoch"), api.Metric("seconds")],
        )
    for method, frame in frames.items():
        for row in frame[frame["status"] != UNFINISHED].to_dict("records"):
            name = f"{method}-{row['trial']}"
            values = {
                key: row[key] for key in hyperparameter_columns(frame) if row[key] == row[key]
            }
            writer = tf.summary.create_file_writer(str(beside / name))
            with writer.as_default():
                api.hparams({"method": method, "status": row["status"], **values}, trial_id=name)
                for metric in (objective, "best_epoch", "seconds"):
                    if row[metric] is not None and row[metric] == row[metric]:
                        tf.summary.scalar(
                            metric, float(row[metric]), step=0
                        )  # first: TensorBoard drops steps back
                _write_curves(
                    pathlib.Path(folder) / method / f"trial_{row['trial']}" / RESULT, objective
                )
            writer.close()
    shutil.rmtree(to, ignore_errors=True)
    beside.rename(to)


def _write_curves(result, objective):
    if not result.is_file():
        return
    for logs in json.loads(result.read_text(encoding="utf-8"))["history"]:
        for name in (objective, *CURVES):
            if name in logs:
                tf.summary.scalar(f"epochs/{name}", logs[name], step=logs["epoch"])
