"""Refuses settings that cannot work, before any data is read."""

import types

from deca_tf._checks import check_choice
from deca_tf.data import schema
from deca_tf.denoisers import DENOISERS
from deca_tf.runs.building import build_model, load_parts, needs_prior
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.models import MODELS, learns_at_once
from deca_tf.runs.train import MONITORS


def check_settings(config):
    """Refuses, before any data is read, what would fail after it or after a prior's training.

    Raises:
        ValueError: an unknown backbone, denoiser, option of one, or metric to monitor, or a value
            that a part refuses.
        FileNotFoundError: the prior's run is none, or has not finished.
    """
    MODELS.check_options(config.backbone.name, config.backbone.model_extra)
    DENOISERS.check_options(config.denoiser.name, config.denoiser.model_extra)
    load_parts(config)
    check_choice("training.monitor", config.training.monitor, MONITORS)
    if learns_at_once(config):
        if config.denoiser.name != "none":
            raise ValueError(
                f"`denoiser` must be 'none' with model {config.backbone.name!r}, which learns at "
                f"once, without a loss. Received: denoiser={config.denoiser.name!r}. Choose 'none'."
            )
        if config.time.click_half_life is not None:
            raise ValueError(
                f"`time.click_half_life` must be unset with model {config.backbone.name!r}, which "
                "learns at once, without a loss. Received: "
                f"{config.time.click_half_life}. Leave it out, or see whether the model has a "
                "`half_life` of its own."
            )
        return
    training = config.training
    if not training.watch_validation and (training.keep == "best" or training.patience is not None):
        raise ValueError(
            "`training.watch_validation` must be true where the validation decides. Received: "
            "false, with "
            f"training.keep={training.keep!r} and training.patience={training.patience}. Choose "
            "keep='last' without "
            "patience, or leave it true."
        )
    if training.optimizer == "lazy-adam" and training.penalty == "norms" and training.l2:
        raise ValueError(
            "`training.penalty` must be 'squares' under training.optimizer='lazy-adam', which sees "
            "no whole table. "
            f"Received: 'norms', with training.l2={training.l2}. Choose 'squares', l2=0 or "
            "training.optimizer='adam'."
        )
    if DENOISERS.load(config.denoiser.name).layout != "pairs":
        for name, usual in (("num_negatives", 1), ("exclude_observed", False)):
            if getattr(training, name) != usual:
                raise ValueError(
                    f"`training.{name}` must be unset under denoiser {config.denoiser.name!r}, which "
                    "samples no item beside a click. Received: "
                    f"training.{name}={getattr(training, name)}."
                )
    if config.data.options.get("stream"):
        for table, settings in (
            ("training", training),
            ("prior.training", config.prior_training()),
        ):
            if settings.users_per_batch is not None:
                raise ValueError(
                    f"`{table}.users_per_batch` must be unset where data.options.stream is true: "
                    "users do not lie "
                    f"together in shards. Received: {settings.users_per_batch}. Set "
                    "data.options.stream=false."
                )
    if needs_prior(config) and config.prior.run is not None:
        RunFolder(config.prior.run).read_metrics()
    build_model(config, types.SimpleNamespace(num_users=1, num_items=1))


def check_for_data(config, split):
    """Refuses settings that the data cannot serve, before anything is trained.

    Args:
        config: a `Config` with its protocol.
        split: its `Split`.

    Raises:
        ValueError: several cuts without a timeline, or `[time]` where train has no timestamps.
    """
    if config.data.cuts > 1 and config.data.protocol != schema.TIMELINE:
        raise ValueError(
            "`data.cuts` must be 1 unless the protocol is 'timeline'. Received: "
            f"data.cuts={config.data.cuts}, protocol={config.data.protocol!r}. Leave it out, or "
            "choose protocol='timeline'."
        )
    asked = {
        f"time.{key}": value for key, value in config.time.model_dump().items() if value is not None
    }
    if asked and split.train.timestamp is None:
        key, value = next(iter(asked.items()))
        raise ValueError(
            f"`{key}` must be unset where clicks have no timestamps. Received: {key}={value!r}, "
            f"and {split!r}. Name the column that holds the time with `timestamp_column`, or leave "
            "it out."
        )
