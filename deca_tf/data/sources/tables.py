"""One's own interactions: CSV, TSV and Parquet files and pandas DataFrames, whatever their columns are called.

Each row is one click. Raw ids may be strings or integers; in text files, ids that are all plain
integers ("17", not "017") become integers, any other stay strings. Vocabularies are sorted, so the
dense ids do not depend on the order of the rows. Repeated pairs are merged: the earliest row (by
timestamp, else by position) is kept whole, with its rating.
"""

import datetime
import logging
import re

import numpy as np

from deca_tf._checks import did_you_mean
from deca_tf.data import schema
from deca_tf.data.interactions import Interactions
from deca_tf.data.sources import _table_files as table_files

OPTIONS = (
    "user_column",
    "item_column",
    "rating_column",
    "dwell_column",
    "timestamp_column",
    "is_noisy_column",
)
REQUIRED = (schema.USER_ID, schema.ITEM_ID)
# Lower case, without separators: `User-ID`, `user_id:token` and `userId` are all "userid"
COMMON_NAMES = {
    schema.USER_ID: ("userid", "user", "uid", "rawuserid", "customerid", "visitorid", "reviewerid"),
    schema.ITEM_ID: (
        *(
            "itemid",
            "item",
            "iid",
            "rawitemid",
            "movieid",
            "productid",
            "articleid",
            "newsid",
            "bookid",
            "trackid",
        ),
        *("songid", "videoid", "asin"),
    ),
    schema.RATING: ("rating", "ratings", "userrating", "stars"),
    schema.DWELL: ("dwell", "dwelltime", "dwellseconds", "readingtime"),
    schema.TIMESTAMP: ("timestamp", "time", "ts", "datetime", "date", "eventtime", "unixtime"),
    schema.IS_NOISY: ("isnoisy",),
}
_OPTION = {
    schema.USER_ID: "user_column",
    schema.ITEM_ID: "item_column",
    **{name: f"{name}_column" for name in schema.OPTIONAL_COLUMNS},
}
_INTEGER = re.compile(r"-?[1-9]\d{0,17}|0")
_LARGEST = 1e20  # nanoseconds since 1970 are below it
_SHOWN = 20  # columns listed in an error

logger = logging.getLogger("deca_tf")


def load(
    source,
    *,
    data_dir=None,
    seed=0,
    user_column=None,
    item_column=None,
    rating_column=None,
    dwell_column=None,
    timestamp_column=None,
    is_noisy_column=None,
):
    """Reads a table of clicks.

    Args:
        source: path ending in .csv, .csv.gz, .tsv, .tsv.gz or .parquet, or a `pandas.DataFrame`.
        data_dir, seed: not used.
        user_column, item_column: names of the columns that hold who clicked and what. None: found
            by their common names, such as user_id, userId, user; item_id, itemId, movieId, item.
        rating_column: stars. Like dwell it only ever builds a clean test. None: found by name if
            there; "": not read.
        dwell_column: seconds; likewise.
        timestamp_column: numbers (seconds since 1970; values over 1e11 are taken for milli-, over
            1e14 for micro-, over 1e17 for nanoseconds), date strings or datetimes; without a time
            zone they are UTC. Likewise.
        is_noisy_column: the truth about each click, 0 or 1, where it is known; likewise.

    Returns:
        `Interactions` without repeated pairs; `num_merged` counts those merged, and a warning says it.

    Raises:
        FileNotFoundError: no such file.
        TypeError: ids or times of a kind that cannot be read.
        ValueError: a file that is not what its name says; missing, unknown or ambiguous columns;
            missing values; a rating that is no number; no rows; fewer than two users or items.
    """
    del data_dir, seed
    given = (
        user_column,
        item_column,
        rating_column,
        dwell_column,
        timestamp_column,
        is_noisy_column,
    )
    is_frame = hasattr(source, "columns")
    names = list(source.columns) if is_frame else table_files.column_names(source)
    columns = _resolve(names, dict(zip(COMMON_NAMES, given, strict=True)))
    if is_frame:
        frame = source[list(columns.values())]
    else:
        frame = table_files.read(
            source, list(columns.values()), [columns[name] for name in REQUIRED]
        )
    if not len(frame):
        raise ValueError("The table must hold at least one interaction. Received: 0 rows.")
    ids, vocabularies = zip(
        *(_encode(frame[columns[name]], columns[name]) for name in REQUIRED), strict=True
    )
    readers = {schema.TIMESTAMP: _times, schema.IS_NOISY: _flags}
    optional = {
        name: readers.get(name, _numbers)(frame[columns[name]], columns[name])
        for name in schema.OPTIONAL_COLUMNS
        if name in columns
    }
    for what, vocabulary, name in zip(("users", "items"), vocabularies, REQUIRED, strict=True):
        if len(vocabulary) < 2:
            raise ValueError(
                f"The table must hold at least two different {what}, or there is nothing to learn "
                "from. Received: "
                f"{len(vocabulary)} in column {columns[name]!r}. Check `{_OPTION[name]}`."
            )
    return _merged(Interactions(*ids, *vocabularies, **optional))


def _merged(interactions):
    """Merges repeated pairs and says so; says too whose history leaves nothing to sample."""
    merged = interactions.distinct()
    if merged.num_merged:
        logger.warning(
            "Merged %d repeated (user, item) pairs of %d rows; the earliest row of each was kept.",
            merged.num_merged,
            len(interactions),
        )
    full = merged.users_without_negatives()
    if len(full):
        logger.warning(
            "%d users touched every item, so no unobserved item is left to sample for them; the "
            "first is %r.",
            len(full),
            merged.raw_user_ids[full[0]].item(),
        )
    return merged


def _resolve(names, given):
    """Which of the table's columns holds what, `{"user_id": "userId", ...}`."""
    shown = ", ".join(repr(name) for name in names[:_SHOWN]) + (
        ", ..." if len(names) > _SHOWN else ""
    )
    columns = {}
    for role, wanted in given.items():
        if wanted == "":
            if role in REQUIRED:
                raise ValueError(
                    f"`{_OPTION[role]}` must name a column. Received: ''. The table has {shown}."
                )
            continue
        if wanted is not None:
            found = [name for name in names if name == wanted]
            if not found:
                raise ValueError(
                    f"`{_OPTION[role]}` must name a column of the table. Received: "
                    f"{_OPTION[role]}={wanted!r}; the "
                    f"table has {shown}.{did_you_mean(wanted, names)}"
                )
        else:
            found = [
                name
                for name in names
                if _plain(name) in COMMON_NAMES[role] and name not in given.values()
            ]
        if len(found) > 1:
            remedy = (
                "Rename one" if len(set(found)) < len(found) else f"Name one with `{_OPTION[role]}`"
            )
            raise ValueError(
                f"It must be clear which column holds the {role}. Received: "
                f"{', '.join(map(repr, found))}. {remedy}"
                + (f", or set `{_OPTION[role]}=''` to read none." if role not in REQUIRED else ".")
            )
        if found:
            columns[role] = found[0]
        elif role in REQUIRED:
            raise ValueError(
                f"The table must have a column for the {role}. Received: columns {shown}. Name it "
                "with "
                f"`{_OPTION[role]}`.{_hint(role, names, given)}"
            )
    for role, column in columns.items():
        twin = next(
            (other for other in columns if other != role and columns[other] == column), None
        )
        if twin is not None:
            raise ValueError(
                f"`{_OPTION[role]}` and `{_OPTION[twin]}` must name different columns. Received: "
                f"{column!r} for both."
            )
    return columns


def _hint(role, names, given):
    """What may be wrong with a table in which no column for `role` was found; "" for no idea."""
    if _numeric(names):
        return " The first row looks like data: does the file lack a header row?"
    separator = next(
        (character for character in "\t;|," if len(names) == 1 and character in str(names[0])), None
    )
    if separator is not None:
        return f" The header holds {separator!r}: save the file with the separator that its name says (.csv: ',')."
    for other, wanted in given.items():
        if wanted and _plain(wanted) in COMMON_NAMES[role]:
            return f" {wanted!r} is taken by `{_OPTION[other]}`; each must name a different column."
    return did_you_mean(role, names)


def _plain(name):
    """A column name in lower case, without separators and without a `:type` behind."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower().split(":")[0])


def _numeric(names):
    return all(re.fullmatch(r"\s*-?[\d.]+\s*", str(name)) for name in names)


def _row(mask):
    """The position of the first true value."""
    return int(np.flatnonzero(np.asarray(mask))[0])


def _refuse_missing(missing, column, values="value", otherwise=", or leave the column out"):
    if missing.any():
        raise ValueError(
            f"Every row must have a {values} in column {column!r}. Received: {int(missing.sum())} "
            "missing, the first "
            f"in data row {_row(missing) + 1}. Drop those rows{otherwise}."
        )


def _encode(series, column):
    """Dense ids and their sorted vocabulary: `(int32 (n,), (size,) of strings or int64)`."""
    import pandas

    _refuse_missing(np.asarray(series.isna()), column, "value (an id)", otherwise="")
    kind = pandas.api.types.infer_dtype(series, skipna=True)
    if kind == "categorical":
        series = series.astype(series.cat.categories.dtype)
        kind = pandas.api.types.infer_dtype(series, skipna=True)
    if kind == "bytes":
        try:
            series, kind = series.str.decode("utf-8"), "string"
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Column {column!r} must hold ids, strings or integers. Received: bytes that are "
                "not UTF-8 text, such "
                f"as {error.object!r}. Convert them, for example to their `.hex()`."
            ) from None
    if kind == "string":
        codes, vocabulary = pandas.factorize(series, sort=True)
        vocabulary = np.asarray(vocabulary, dtype=str)
        empty = np.char.strip(vocabulary) == ""
        _refuse_missing(empty[codes], column, "value (an id)", otherwise="")
        if all(_INTEGER.fullmatch(name) for name in vocabulary.tolist()):
            order = np.argsort(vocabulary.astype(np.int64))
            vocabulary = vocabulary.astype(np.int64)[order]
            codes = np.argsort(order)[codes]
        return codes.astype(np.int32), vocabulary
    if kind == "floating":
        values = np.asarray(series, dtype=np.float64)
        whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**53)
        if not whole.all():
            raise ValueError(
                f"Column {column!r} must hold ids, strings or integers. Received: the number "
                f"{values[_row(~whole)]} in data row {_row(~whole) + 1}. Is it the right column?"
            )
    elif kind != "integer":
        raise TypeError(
            f"Column {column!r} must hold ids of one kind, strings or integers. Received: {kind} "
            "values. Convert it, "
            f"for example by `frame[{column!r}] = frame[{column!r}].astype(str)`."
        )
    if kind == "integer" and not -(2**63) <= series.min() <= series.max() < 2**63:
        raise ValueError(
            f"Column {column!r} must hold ids below 2**63, or strings. Received: {series.max()}. "
            "Convert it by "
            f"`frame[{column!r}] = frame[{column!r}].astype(str)`."
        )
    codes, vocabulary = pandas.factorize(np.asarray(series, dtype=np.int64), sort=True)
    return codes.astype(np.int32), np.asarray(vocabulary, dtype=np.int64)


def _numbers(series, column, dtype=np.float32):
    """A column of finite numbers, `(n,)`."""
    import pandas

    _refuse_missing(np.asarray(series.isna()), column)
    numbers = np.asarray(pandas.to_numeric(series, errors="coerce"), dtype=np.float64)
    bad = ~(np.abs(numbers) <= _LARGEST)
    if bad.any():
        raise ValueError(
            f"Column {column!r} must hold finite numbers. Received: {series.iloc[_row(bad)]!r} in "
            "data row "
            f"{_row(bad) + 1}. Correct it, or leave the column out."
        )
    return numbers.astype(dtype)


def _flags(series, column):
    """A column of 0 and 1 or of booleans, bool `(n,)`."""
    values = _numbers(series.astype(str).str.lower().replace({"true": "1", "false": "0"}), column)
    if not np.isin(values, (0, 1)).all():
        odd = values[~np.isin(values, (0, 1))][0]
        raise ValueError(f"Column {column!r} must hold 0 (clean) and 1 (noisy). Received: {odd:g}.")
    return values == 1


def _times(series, column):
    """A column of times as whole seconds since 1970, int64 `(n,)`."""
    import pandas

    _refuse_missing(np.asarray(series.isna()), column)
    is_datetime = pandas.api.types.is_datetime64_any_dtype(series)
    if not is_datetime:
        numbers = pandas.to_numeric(series, errors="coerce")
        if not numbers.isna().any():
            return _whole_seconds(_numbers(series, column, np.float64))
    times = pandas.to_datetime(series, errors="coerce", utc=True)
    bad = np.asarray(times.isna())
    if bad.any() and not is_datetime:
        times = pandas.to_datetime(series, errors="coerce", utc=True, format="ISO8601")
        bad = np.asarray(times.isna())
    if bad.any():
        example = datetime.datetime(2024, 5, 17, 8, 30).isoformat()
        raise ValueError(
            f"Column {column!r} must hold seconds since 1970 or dates of one format, such as "
            f"{example!r}. Received: "
            f"{series.iloc[_row(bad)]!r} in data row {_row(bad) + 1}. Correct it, or leave the "
            "column out."
        )
    return np.asarray(times.dt.tz_convert(None)).astype("datetime64[s]").astype(np.int64)


def _whole_seconds(numbers):
    """Numbers of seconds, milli-, micro- or nanoseconds by their size, as int64 seconds."""
    largest = np.abs(numbers).max()
    per_second = 10 ** (3 * sum(largest > limit for limit in (1e11, 1e14, 1e17)))
    return np.floor(numbers / per_second).astype(np.int64)
