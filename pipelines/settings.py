"""Settings of a pipeline: a TOML file, one table per step, unknown keys refused."""

import pathlib
import tomllib
from typing import Any, Literal

import pydantic

from deca_tf.config import merge, resolve
from deca_tf.data import schema
from deca_tf.data.splitters import CHRONOLOGICAL_PER_USER, FRACTIONS, HASH

TRAINER_TABLES = ("backbone", "denoiser", "training", "prior")


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class InputSettings(_Table):
    """`[input]`: the log, one row per click.

    From `files`, or from BigQuery by `table` or `query`.
    """

    files: list[str] | None = pydantic.Field(None, min_length=1)
    """Files or patterns, local or of any file system that Beam knows: 'logs/2026-11-*.csv',
    'gs://bucket/*.parquet'."""
    table: str | None = None
    """A table of BigQuery: 'project.dataset.table'.

    It is read anew by each run, for nobody knows if it has changed.
    """
    query: str | None = None
    """Standard SQL for BigQuery, likewise."""
    format: Literal["csv", "tsv", "jsonl", "parquet", "tfrecord"] | None = None
    """csv, tsv, jsonl, parquet or tfrecord (of tf.Example); unset: told by the files' names."""
    fields: list[str] | None = pydantic.Field(None, min_length=1)
    """Names of the columns of JSON lines `{"f": [{"v": ...}, ...]}`, as BigQuery's API gives
    rows."""
    user_column: str = "user_id"
    """Who clicked."""
    item_column: str = "item_id"
    """On what."""
    timestamp_column: str | None = None
    """When, in seconds since 1970 or as dates; unset: not known, bursts are not looked for and
    the split is by hash."""
    rating_column: str | None = None
    """Stars; as in deca_tf, these three only ever build the clean test."""
    dwell_column: str | None = None
    """Seconds."""
    is_noisy_column: str | None = None
    """The truth, 0 or 1."""
    shards: int = pydantic.Field(4, ge=1)
    """Files that the examples are written to."""

    @pydantic.model_validator(mode="after")
    def _one_source(self):
        given = [name for name in ("files", "table", "query") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"one of files, table and query must be set, not {' and '.join(given) or 'none'}"
            )
        columns = list(self.columns_by_name().values())
        if len(set(columns)) < len(columns):
            raise ValueError(
                f"each `..._column` must be another one. Received: {', '.join(columns)}."
            )
        return self

    def columns_by_name(self):
        """The columns that are passed on, `{name in deca_tf: name in the log}`."""
        ids = {schema.USER_ID: self.user_column, schema.ITEM_ID: self.item_column}
        more = {name: getattr(self, f"{name}_column") for name in schema.OPTIONAL_COLUMNS}
        return ids | {name: column for name, column in more.items() if column is not None}


class ValidationSettings(_Table):
    """`[validation]`: what stops a run.

    Shares are of 1; "the span before" is the last one that was accepted.
    """

    min_rows: float = pydantic.Field(0.6, ge=0)
    """Fewest rows, as a share of the span before."""
    max_rows: float = pydantic.Field(10.0, gt=0)
    """Most rows, as a share of the span before."""
    min_known_users: float = pydantic.Field(0.05, ge=0, le=1)
    """Least share of this span's users whom the one before has; near 0 where ids are spelled
    another way."""
    min_known_items: float = pydantic.Field(0.3, ge=0, le=1)
    """The same of items."""
    max_missing: float = pydantic.Field(0.0, ge=0, le=1)
    """Largest share of rows without a user or an item."""
    max_duplicates: float = pydantic.Field(0.5, ge=0, le=1)
    """Largest share of rows that repeat an earlier pair."""
    burst: int = pydantic.Field(200, ge=1)
    """Clicks of one user within an hour from which on it is no person."""
    max_bot_rows: float = pydantic.Field(0.05, ge=0, le=1)
    """Largest share of rows by users with a burst."""
    max_popularity_drift: float = pydantic.Field(0.3, ge=0, le=1)
    """Largest Jensen-Shannon divergence, in bits, between the shares of clicks that items of
    each degree get."""


class TransformSettings(_Table):
    """`[transform]`: whose clicks are kept. Repeated pairs count once."""

    min_user_clicks: int = pydantic.Field(1, ge=1)
    """Fewest clicks of a user."""
    min_item_clicks: int = pydantic.Field(1, ge=1)
    """Fewest clicks on an item."""
    max_passes: int = pydantic.Field(100, ge=1)
    """Users, then items with fewer are left out, again and again until nothing changes (the
    k-core), at most so often; 1: thresholds, after which a user whose rare items went may have
    fewer."""


class SplitSettings(_Table):
    """`[split]`: train, validation and test."""

    by: Literal[CHRONOLOGICAL_PER_USER, HASH] | None = None
    """'chronological-per-user' or 'hash', as in `deca_tf.data.split`; unset: the first where
    there are times."""
    fractions: tuple[float, float, float] = FRACTIONS
    """Shares of train, validation and test."""
    clean_test: str | None = None
    """Rule for the test's rows, such as 'rating >= 5'; its column must be set in `[input]`."""
    seed: int = pydantic.Field(0, ge=0)
    """Of the hash, and of the order of train's rows in its shards."""
    shards: int = pydantic.Field(4, ge=1)
    """Files of each part; workers of a training share them out."""
    name: str = "clicks"
    """Of the data set, for reports."""


class TrainerSettings(_Table):
    """`[trainer]`: how a model is made of the shards.

    It holds the tables of a run's config.toml, such as `[trainer.training]`; what they do not say
    has the values of `deca_tf/recipes/default.toml`.
    """

    seed: int = pydantic.Field(0, ge=0)
    """Fixes initial weights and batches."""
    backbone: dict[str, Any] = {}
    """The model that is shipped: `name`, `embedding_dim`, ..."""
    denoiser: dict[str, Any] = {}
    """How it learns: `name`, `c1`, ..."""
    training: dict[str, Any] = {}
    """The loop: `epochs`, `learning_rate`, ..."""
    prior: dict[str, Any] = {}
    """Of DeCA(p): `training`, `seed`."""
    stream: bool = False
    """Leave the train part in its shards while training, for more clicks than should be in
    memory."""

    def tables(self):
        """What is set, but for `stream`."""
        return {"seed": self.seed} | {
            name: getattr(self, name) for name in TRAINER_TABLES if getattr(self, name)
        }

    def config(self, folder=""):
        """The `deca_tf.config.Config` of a run on a folder of shards."""
        return resolve(None, merge(self.data(folder), self.tables()))

    def data(self, folder):
        """`[data]` of such a run, in a dict."""
        return {
            "data": {"dataset": "shards", "options": {"folder": str(folder), "stream": self.stream}}
        }

    @pydantic.model_validator(mode="after")
    def _usable(self):
        config = self.config()
        if config.prior.run is not None:
            raise ValueError(
                "`prior.run` must be unset in a pipeline, since a prior is trained on the same "
                "clicks. Received: "
                f"{self.prior['run']!r}. Leave it out, and Trainer trains the prior first."
            )
        if config.training.strategy == "multi-worker":
            raise ValueError(
                "`training.strategy` must be 'default' or 'mirrored' in a pipeline. Received: "
                "'multi-worker'. Run "
                "`--until Split`, then `deca-tf train --dataset shards` on every worker."
            )
        return self


class TunerSettings(_Table):
    """`[tuner]`: a search, as by `deca-tf tune`, for what `[trainer]` does not set."""

    trials: int = pydantic.Field(0, ge=0)
    """How many; 0: no search."""
    workers: int = pydantic.Field(1, ge=1)
    """Trials at once, a process and a thread each if more than one."""


class EvaluatorSettings(_Table):
    """`[evaluator]`: when a model is blessed."""

    metric: str = "recall@20"
    """What decides, on the test: recall, ndcg, precision or mrr at 3, 5, 10, 20 or 50."""
    min_share_of_popularity: float = pydantic.Field(1.0, ge=0)
    """Least share of what the most popular items reach, for every model."""
    margin: float = pydantic.Field(0.05, ge=0, le=1)
    """Share of the last blessed model's figure that may be lost."""


class PusherSettings(_Table):
    """`[pusher]`: where a blessed model is published, as by `deca-tf export`."""

    destination: pathlib.Path | None = None
    """Folder of the served model's versions; unset: `<root>/served/<split.name>`."""
    k: list[int] = pydantic.Field([10], min_length=1)
    """Items per answer; of `[10, 100]`, `recommend_10` and `recommend_100` are made."""
    titles: pathlib.Path | None = None
    """Table (.csv, .tsv, .parquet) with item ids and what to call them."""
    keep: int = pydantic.Field(5, ge=1)
    """Versions that stay; older ones are removed."""


class Settings(_Table):
    """A whole pipeline.

    Relative paths start at the folder of the file; `~` is the home folder.
    """

    root: pathlib.Path
    """Folder of all artifacts."""
    input: InputSettings
    validation: ValidationSettings = ValidationSettings()
    transform: TransformSettings = TransformSettings()
    split: SplitSettings = SplitSettings()
    trainer: TrainerSettings = TrainerSettings()
    tuner: TunerSettings = TunerSettings()
    evaluator: EvaluatorSettings = EvaluatorSettings()
    pusher: PusherSettings = PusherSettings()

    @classmethod
    def read(cls, path):
        """Settings of a TOML file.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is no TOML, or a setting is unknown, missing or out of its range.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"The settings must be a TOML file. Received: {str(path)!r}, which does not exist."
            )
        try:
            found = cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path} must be TOML. Received: {error}.") from None
        except pydantic.ValidationError as error:
            raise ValueError(
                "\n".join(f"{path}: {_said(each)}" for each in error.errors())
            ) from None
        found.root = path.parent / found.root.expanduser()
        for name in ("destination", "titles"):
            if getattr(found.pusher, name) is not None:
                setattr(found.pusher, name, path.parent / getattr(found.pusher, name).expanduser())
        if found.input.files is not None:
            found.input.files = [
                name if "://" in name else str(path.parent / pathlib.Path(name).expanduser())
                for name in found.input.files
            ]
        return found


def _said(error):
    place = ".".join(map(str, error["loc"])) or "the file"
    if error["type"] == "value_error" and "Received" in error["msg"]:  # one of ours, whole
        return f"`{place}`: {error['ctx']['error']}"
    return f"`{place}`: {error['msg'].lower()}. Received: {error['input']!r}."
