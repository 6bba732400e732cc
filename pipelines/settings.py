"""Settings of a pipeline: a TOML file, one table per step, unknown keys refused."""

import pathlib
import tomllib
from typing import Literal

import pydantic

from deca_tf.data import schema
from deca_tf.data.splitting import CHRONOLOGICAL_PER_USER, FRACTIONS, HASH


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class InputSettings(_Table):
    """`[input]`: the log, one row per click; from `files`, or from BigQuery by `table` or `query`."""

    files: list[str] | None = pydantic.Field(None, min_length=1)
    """Files or patterns, local or of any file system that Beam knows: 'logs/2026-11-*.csv', 'gs://bucket/*.parquet'."""
    table: str | None = None
    """A table of BigQuery: 'project.dataset.table'. It is read anew by each run, for nobody knows if it has changed."""
    query: str | None = None
    """Standard SQL for BigQuery, likewise."""
    format: str | None = None
    """csv, tsv, jsonl, parquet or tfrecord (of tf.Example); unset: told by the files' names."""
    fields: list[str] | None = pydantic.Field(None, min_length=1)
    """Names of the columns of JSON lines `{"f": [{"v": ...}, ...]}`, as BigQuery's API gives rows."""
    user_column: str = "user_id"
    """Who clicked."""
    item_column: str = "item_id"
    """On what."""
    timestamp_column: str | None = None
    """When, in seconds since 1970 or as dates; unset: not known, bursts are not looked for and the split is by hash."""
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
            raise ValueError(f"one of files, table and query must be set, not {' and '.join(given) or 'none'}")
        return self

    def columns_by_name(self):
        """The columns that are passed on, `{name in deca_tf: name in the log}`."""
        ids = {schema.USER_ID: self.user_column, schema.ITEM_ID: self.item_column}
        more = {name: getattr(self, f"{name}_column") for name in schema.OPTIONAL_COLUMNS}
        return ids | {name: column for name, column in more.items() if column is not None}


class ValidationSettings(_Table):
    """`[validation]`: what stops a run. Shares are of 1; "the span before" is the last one that was accepted."""

    min_rows: float = pydantic.Field(0.6, ge=0)
    """Fewest rows, as a share of the span before."""
    max_rows: float = pydantic.Field(10.0, gt=0)
    """Most rows, as a share of the span before."""
    min_known_users: float = pydantic.Field(0.05, ge=0, le=1)
    """Least share of this span's users whom the one before has; near 0 where ids are spelled another way."""
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
    """Largest Jensen-Shannon divergence, in bits, between the shares of clicks that items of each degree get."""


class TransformSettings(_Table):
    """`[transform]`: whose clicks are kept. Repeated pairs count once."""

    min_user_clicks: int = pydantic.Field(1, ge=1)
    """Fewest clicks of a user."""
    min_item_clicks: int = pydantic.Field(1, ge=1)
    """Fewest clicks on an item."""
    max_passes: int = pydantic.Field(100, ge=1)
    """Users, then items with fewer are left out, again and again until nothing changes (the k-core), at most so often;
    1: thresholds, after which a user whose rare items went may have fewer."""


class SplitSettings(_Table):
    """`[split]`: train, validation and test."""

    by: Literal[CHRONOLOGICAL_PER_USER, HASH] | None = None
    """'chronological-per-user' or 'hash', as in `deca_tf.data.split`; unset: the first where there are times."""
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


class Settings(_Table):
    """A whole pipeline.

    Relative paths start at the folder of the file.
    """

    root: pathlib.Path
    """Folder of all artifacts."""
    input: InputSettings
    validation: ValidationSettings = ValidationSettings()
    transform: TransformSettings = TransformSettings()
    split: SplitSettings = SplitSettings()

    @classmethod
    def read(cls, path):
        """Settings of a TOML file.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is no TOML, or a setting is unknown, missing or out of its range.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"The settings must be a TOML file. Received: {str(path)!r}, which does not exist.")
        try:
            found = cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path} must be TOML. Received: {error}.") from None
        except pydantic.ValidationError as error:
            raise ValueError("\n".join(f"{path}: {_said(each)}" for each in error.errors())) from None
        found.root = path.parent / found.root
        if found.input.files is not None:
            found.input.files = [name if "://" in name else str(path.parent / name) for name in found.input.files]
        return found


def _said(error):
    place = ".".join(map(str, error["loc"])) or "the file"
    return f"`{place}`: {error['msg'].lower()}. Received: {error['input']!r}."
