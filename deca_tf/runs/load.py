"""A finished run, read back."""

import os
import pathlib
from typing import Any

import keras

from deca_tf import baselines
from deca_tf.config import is_file_name
from deca_tf.data.splits import Split
from deca_tf.runs.building import load_parts
from deca_tf.runs.data import read_split
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.models import learns_at_once
from deca_tf.runs.trend import with_trend
from deca_tf.training.deca_model import DeCAModel
from deca_tf.trends.trending import Trending


def load_run(
    path: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    split: Split | None = None,
) -> tuple[dict[str, Any], DeCAModel | baselines.Baseline | Trending, Split]:
    """A finished run's results, model and data.

    Args:
        path: of the run's folder.
        data_dir: folder of the public data sets, of the run's table or of its shards, where it is
            not the one that the run was given.
        split: the run's `Split`, if it has been read already.

    Returns:
        `(metrics, model, split)`: the contents of `metrics.json`; the `DeCAModel` or `Baseline`, as
        `.model` of a `Trending` where the run has a trend; and the `Split` that it learned from.

    Raises:
        FileNotFoundError: the folder is no finished run's, or the data is gone.
        ValueError: the data is not what the run was trained on.

    Stability: stable.
    """
    folder = RunFolder(path)
    metrics = folder.read_metrics()
    config = folder.read_config()
    if data_dir is not None:
        config.data.data_dir = os.fspath(data_dir)
        if is_file_name(config.data.dataset):
            config.data.dataset = str(
                pathlib.Path(data_dir) / pathlib.Path(config.data.dataset).name
            )
        if "folder" in config.data.options:
            config.data.options["folder"] = data_dir
    split = read_split(config) if split is None else split
    folder.check_data((split.refit_of or split).fingerprint)
    if "refit" in metrics and split.refit_of is None:
        split = split.for_refit()
    return metrics, with_trend(read_model(folder), split, metrics.get("trend")), split


def read_model(folder: RunFolder) -> DeCAModel | baselines.Baseline:
    """The `DeCAModel` of a finished run's `RunFolder`, or its `Baseline`.

    Parts of other packages are imported as the folder's config.toml names them, never as the file
    of weights does.
    """
    config = folder.read_config()
    load_parts(config)
    if learns_at_once(config):
        return baselines.load(folder.baseline_file)
    return keras.models.load_model(folder.model_file)
