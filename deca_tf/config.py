"""Settings of a run: one table per room, each field documented where it is declared.

Unknown keys are refused.

A recipe is a TOML file with these tables. Its `[[variant]]` entries hold the same tables and apply,
in order, where their `when` matches the run's backbone, denoiser and protocol. The resolved
settings of a run are written back as a recipe without variants, so that any run can be repeated
from its own folder.
"""

import importlib.resources
import os
import pathlib
from typing import Annotated, Any, Literal

import pydantic

from deca_tf._registry import is_own
from deca_tf.recipes import matching, merge, read_toml, take_variants
from deca_tf.recipes.methods import method_settings, refuse_loop, with_own_denoiser
from deca_tf.recipes.problems import explain

AUTO = "auto"  # chosen by validation

__all__ = [
    "BackboneSettings",
    "Config",
    "DataSettings",
    "DenoiserSettings",
    "PriorSettings",
    "TimeSettings",
    "TrainingSettings",
    "merge",
    "resolve",
    "shipped_recipe",
]


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        extra="forbid", use_attribute_docstrings=True, validate_assignment=True, allow_inf_nan=False
    )


class DataSettings(_Table):
    """`[data]`: what to learn from.

    Stability: stable.
    """

    dataset: str = "synthetic"
    """Name of a data set, or the path of a CSV, TSV or Parquet file."""
    protocol: Literal["clean", "paper", "timeline"] | None = None
    """'timeline': train on what came first, validate on what followed, test on the end of the
    log. 'clean': no pair in two splits, made by `split_by`. 'paper': the released code's splits,
    leaks included, to compare with it. Unset: 'timeline' for a table with times, unless `split_by`
    is set; else 'clean'."""
    cuts: int = pydantic.Field(default=1, ge=1)
    """Under 'timeline', so many test windows at the end of the log, each with a train and a
    validation of its own and a model that learned from them; the last one's is shipped."""
    windows_back: int = pydantic.Field(default=0, ge=0)
    """Under 'timeline', test windows between the test and the end of the log."""
    data_dir: str | None = None
    """Folder of the public data sets; unset: the environment variable DECA_TF_DATA_DIR, else
    download."""
    split_by: str | None = None
    """How 'clean' splits: 'chronological-per-user', 'chronological-global', 'random' or 'hash';
    unset: the first where there are times."""
    clean_test: str | None = None
    """Rule for the test's rows such as 'rating >= 5' or 'dwell >= 10'; unset: the data set's
    own."""
    seed: int | None = pydantic.Field(default=None, ge=0)
    """Of synthetic data and random splits; unset: the run's."""
    options: dict[str, Any] = {}
    """The source's own options: `user_column`, `rating_column` ... of a table, sizes of
    'synthetic', `folder` and `stream` of 'shards'."""


class BackboneSettings(_Table):
    """`[backbone]`: the model that is shipped.

    Other keys are arguments of its class: `embedding_dim`, `item_bias`.

    Stability: stable.
    """

    model_config = pydantic.ConfigDict(extra="allow")
    name: str = "mf"
    """Name of a backbone or a baseline, or "package.module:Class" of your own."""


class DenoiserSettings(_Table):
    """`[denoiser]`: how it learns. Other keys are arguments of its class: `c1`, `c2`, `alpha`.

    Stability: stable.
    """

    model_config = pydantic.ConfigDict(extra="allow")
    name: str = "deca"
    """Name of a denoiser, or "package.module:Class" of your own; 'none' trains normally."""
    auxiliary: str = "mf"
    """Backbone of DeCA's g."""
    noise_model: str = "mf"
    """Backbone of DeCA's h and h'."""
    embedding_dim: int | None = pydantic.Field(default=None, ge=1)
    """Of g, h and h'; unset: the target's if that is set, else their own default."""


class TrainingSettings(_Table):
    """`[training]`: the loop.

    Stability: stable.
    """

    batch_size: int | None = pydantic.Field(default=None, ge=1)
    """Positives per update; each phase of a denoiser makes an update.

    Unset: 2048, less where there are few.
    """
    users_per_batch: int | None = pydantic.Field(default=None, ge=1)
    """Whole users at a time, about so many per update, in place of `batch_size`: how CDAE is
    trained."""
    num_negatives: int = pydantic.Field(default=1, ge=1)
    """Sampled items per positive."""
    exclude_observed: bool = False
    """Never sample an item that the user has been observed with; the released code samples them
    too. Batches by user never do."""
    optimizer: str = "adam"
    """'adam' moves every row of every table at every update, as in the paper. 'lazy-adam' moves
    the batch's rows only: an update takes about as long with ten million users as with ten
    thousand, and less than with 'adam' from some tens of thousands on; see
    `deca_tf.optimizers.LazyAdam`."""
    learning_rate: float = pydantic.Field(default=1e-3, gt=0)
    """Adam's."""
    l2: float = pydantic.Field(default=0.0, ge=0)
    """The paper's lambda, the weight of the penalty."""
    penalty: Literal["squares", "norms"] = "squares"
    """'squares': half the sum of squares of the target's weights, divided by the number of
    users. 'norms': the sum of the weights' norms, as the released code does to CDAE, divided by
    nothing."""
    epochs: int = pydantic.Field(default=20, ge=1)
    """Passes over the positives, at most."""
    keep: Literal["best", "last"] = "best"
    """Weights that are kept: those of the best epoch by `monitor` on the noisy validation, or
    the last epoch's."""
    monitor: str = "val_recall@20"
    """What is compared between epochs: val_<metric>@20."""
    patience: int | None = pydantic.Field(default=None, ge=1)
    """Stop after so many epochs without a better `monitor`, whatever is kept; unset: never."""
    evaluate_every: int = pydantic.Field(default=1, ge=1)
    """Epochs between two looks at the validation data; those between repeat the last figures."""
    watch_validation: bool = True
    """Evaluate on the validation part; false saves time where the last epoch's weights are kept
    without `patience`."""
    refit: bool | None = None
    """Once the validation has chosen how to learn, learn anew from train and validation, for as
    many epochs, and test that; unset: under protocol 'timeline'."""
    watch_test: bool = False
    """Evaluate on the test part in the same epochs, for curves: nothing is ever chosen by it."""
    released_early_stopping: bool = False
    """Stop as the released code does: when, of the validation losses taken every 500 updates,
    two in all were worse than the one before."""
    jit_compile: bool = True
    """Compile the step with XLA."""
    steps_per_execution: int = pydantic.Field(default=32, ge=1)
    """Steps that run before Python is asked again: about so many, so that executions end with
    epochs where they can."""
    strategy: Literal["default", "mirrored", "multi-worker"] = "default"
    """Over what a step is spread. 'default': one device. 'mirrored': all of this machine.
    'multi-worker': all of the processes that TF_CONFIG, Slurm or Kubernetes names. Batches, and
    so results, are the same up to rounding; beyond 'default' neither `jit_compile` nor
    `steps_per_execution` is used."""


class PriorSettings(_Table):
    """`[prior]`: the pre-trained model of DeCA(p); other methods do not look at it.

    Stability: stable.
    """

    run: str | None = None
    """Folder of a finished run whose model is the prior; unset: the backbone itself, trained
    normally first."""
    seed: Literal["other", "same"] = "other"
    """Initial weights of that first training: another seed's (the paper), or the target's own
    (the released code)."""
    training: dict[str, Any] = {}
    """Keys of `[training]` that differ in that first training."""


def _auto_or(value, info):
    """A number of at least 0, or 'auto'; a half-life is above 0."""
    is_half_life = info.field_name.endswith("half_life")
    if value in (None, AUTO):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value < float("inf") and (value or not is_half_life):
        return float(value)
    raise ValueError(f"'{AUTO}' or a number {'above' if is_half_life else 'of at least'} 0")


_AutoOrNumber = Annotated[float | Literal["auto"] | None, pydantic.PlainValidator(_auto_or)]


class TimeSettings(_Table):
    """`[time]`: what becomes of clicks as they age. All of it needs timestamps; ages are in days.

    A trend adds `w * log(decayed popularity / popularity)` to each item's score, see
    `deca_tf.trends.trend_prior`.

    Stability: provisional.
    """

    click_half_life: float | None = pydantic.Field(default=None, gt=0)
    """Days after which a click of train counts half in the loss; unset: clicks of any age count
    the same."""
    trend_half_life: _AutoOrNumber = None
    """Days after which a click counts half in the trend, or 'auto': by validation; unset: 'auto'
    where `trend_weight` is set."""
    trend_weight: _AutoOrNumber = None
    """w, or 'auto': by validation; unset: 'auto' where `trend_half_life` is set, else no trend."""


class Config(_Table):
    """All settings of a run.

    Stability: stable.
    """

    seed: int = pydantic.Field(default=0, ge=0)
    """Fixes initial weights, batches, synthetic data and random splits."""
    data: DataSettings = DataSettings()
    backbone: BackboneSettings = BackboneSettings()
    denoiser: DenoiserSettings = DenoiserSettings()
    training: TrainingSettings = TrainingSettings()
    prior: PriorSettings = PriorSettings()
    time: TimeSettings = TimeSettings()

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values without unset keys: what TOML and JSON can hold."""
        return _without_none(self.model_dump())

    def prior_training(self) -> TrainingSettings:
        """`[training]` of the prior's own run."""
        return TrainingSettings(**{**self.training.model_dump(), **self.prior.training})


def resolve(
    recipe: str | os.PathLike[str] | None = None, overrides: dict[str, Any] | None = None
) -> Config:
    """Puts settings together: defaults, the recipe, its matching variants, the overrides.

    Args:
        recipe: path of a TOML file; None: the recipe shipped for `overrides["data"]["dataset"]`,
            else the default one.
        overrides: nested tables of what the user set, `{"data": {"dataset": "ml-100k"}, "seed":
            1}`.

    Returns:
        A `Config`. Its paths are absolute, so that a run's folder can be used from anywhere.

    Raises:
        FileNotFoundError: no such recipe.
        ValueError: broken TOML, an unknown table or key, or a value out of range.

    Stability: stable.
    """
    overrides = overrides or {}
    data = overrides.get("data")
    dataset = data.get("dataset") if isinstance(data, dict) else None
    path = shipped_recipe(dataset) if recipe is None else pathlib.Path(recipe)
    tables = read_toml(path)
    variants = take_variants(tables, path)
    tables = with_own_denoiser(tables, overrides, is_shipped=recipe is None)
    config = _validated(merge(tables, overrides), path, overrides)
    chosen = dict(
        backbone=config.backbone.name,
        denoiser=config.denoiser.name,
        protocol=config.data.protocol or "clean",
    )
    own, general = matching(variants, chosen, path), method_settings(chosen)
    # What a user wrote down wins over what holds on any data.
    first = (tables, *general) if recipe is None else (*general, tables)
    config = _validated(merge(*first, *own, overrides), path, overrides)
    refuse_loop(config.backbone.name, config.denoiser.name, overrides)
    return _located(config)


def shipped_recipe(dataset: str | None) -> pathlib.Path:
    """Path of the recipe that comes with the library for a data set, else of the default one.

    Stability: provisional.
    """
    folder = pathlib.Path(str(importlib.resources.files("deca_tf") / "recipes"))
    own = folder / f"{str(dataset).split('/')[0]}.toml"
    return own if own.is_file() and not is_file_name(dataset) else folder / "default.toml"


def is_file_name(dataset: str | None) -> bool:
    """Whether a data set is a table's file, which has an ending, and not one known by name."""
    return not is_own(dataset) and bool(pathlib.Path(str(dataset)).suffix)


def _without_none(value):
    if not isinstance(value, dict):
        return value
    return {key: _without_none(inner) for key, inner in value.items() if inner is not None}


def _located(config):
    """Makes relative paths absolute."""
    if is_file_name(config.data.dataset):
        config.data.dataset = _absolute(config.data.dataset)
    if config.data.data_dir is not None:
        config.data.data_dir = _absolute(config.data.data_dir)
    if isinstance(config.data.options.get("folder"), str):
        config.data.options["folder"] = _absolute(config.data.options["folder"])
    if config.prior.run is not None:
        config.prior.run = _absolute(config.prior.run)
    return config


def _absolute(path):
    return os.fspath(pathlib.Path(path).expanduser().absolute())


def _validated(tables, path, overrides):
    try:
        config = Config.model_validate(tables)
    except pydantic.ValidationError as error:
        raise ValueError(explain(error.errors()[0], Config, path, overrides)) from None
    try:
        config.prior_training()
    except pydantic.ValidationError as error:
        problem = error.errors()[0]
        raise ValueError(
            explain(
                {**problem, "loc": ("training", *problem["loc"])}, Config, path, overrides, "prior."
            )
        ) from None
    return config
