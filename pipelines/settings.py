"""Settings of a pipeline: a TOML file, one table per step, unknown keys refused."""

import pathlib
import tomllib

import pydantic


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class InputSettings(_Table):
    """`[input]`: the log, one row per click."""

    files: list[str] = pydantic.Field(min_length=1)
    """Files or patterns, local or of any file system that Beam knows: 'logs/2026-11-*.csv', 'gs://bucket/*.parquet'."""
    format: str | None = None
    """csv, tsv, jsonl, parquet or tfrecord (of tf.Example); unset: told by the files' names."""
    user_column: str = "user_id"
    """Who clicked."""
    item_column: str = "item_id"
    """On what."""
    timestamp_column: str | None = None
    """When, in seconds since 1970; unset: not known, and bursts are not looked for."""
    shards: int = pydantic.Field(4, ge=1)
    """Files that the examples are written to."""


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


class Settings(_Table):
    """A whole pipeline.

    Relative paths start at the folder of the file.
    """

    root: pathlib.Path
    """Folder of all artifacts."""
    input: InputSettings
    validation: ValidationSettings = ValidationSettings()

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
        found.input.files = [name if "://" in name else str(path.parent / name) for name in found.input.files]
        return found


def _said(error):
    place = ".".join(map(str, error["loc"])) or "the file"
    return f"`{place}`: {error['msg'].lower()}. Received: {error['input']!r}."
