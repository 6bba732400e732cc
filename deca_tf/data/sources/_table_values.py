"""Values of a table's columns.

Ids, numbers, truths and times, each refused by the row that cannot be read.
"""

import datetime
import re

import numpy as np

_INTEGER = re.compile(r"-?[1-9]\d{0,17}|0")
_LARGEST = 1e20  # nanoseconds since 1970 are below it
_UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")


def _row(mask):
    """The position of the first true value."""
    return int(np.flatnonzero(np.asarray(mask))[0])


def _cell(series, mask):
    """The value at the first true place, as Python has it."""
    value = series.iloc[_row(mask)]
    return value.item() if isinstance(value, np.generic) else value


def _refuse_missing(missing, column, values="value", otherwise=""):
    if missing.any():
        raise ValueError(
            f"Every row must have a {values} in column {column!r}. Received: {int(missing.sum())} "
            "missing, the first "
            f"in data row {_row(missing) + 1}. Drop those rows{otherwise}."
        )


def _left_out(option):
    return f", or leave the column out by `{option}=''`"


def encode(series, column):
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


def numbers(series, column, option, dtype=np.float32):
    """A column of finite numbers, `(n,)`; `option` is the one by which it can be left out."""
    import pandas

    _refuse_missing(np.asarray(series.isna()), column, otherwise=_left_out(option))
    found = np.asarray(pandas.to_numeric(series, errors="coerce"), dtype=np.float64)
    bad = ~(np.abs(found) <= _LARGEST)
    if bad.any():
        raise ValueError(
            f"Column {column!r} must hold finite numbers. Received: {_cell(series, bad)!r} in "
            "data row "
            f"{_row(bad) + 1}. Correct it{_left_out(option)}."
        )
    return found.astype(dtype)


def weights(series, column, option):
    """A column of finite numbers of at least 0, float32 `(n,)`."""
    values = numbers(series, column, option)
    bad = values < 0
    if bad.any():
        raise ValueError(
            f"Column {column!r} must hold weights of at least 0. Received: "
            f"{_cell(series, bad)!r} in data row {_row(bad) + 1}. Correct it, or name another "
            f"column with `{option}`."
        )
    if not values.any():
        raise ValueError(
            f"Column {column!r} must hold a weight above 0, or nothing is learned. Received: 0 in "
            f"every row. Name another column with `{option}`."
        )
    return values


def flags(series, column, option):
    """A column of 0 and 1 or of booleans, bool `(n,)`."""
    text = series.astype(str).str.lower().replace({"true": "1", "false": "0"})
    values = numbers(text, column, option)
    if not np.isin(values, (0, 1)).all():
        odd = values[~np.isin(values, (0, 1))][0]
        raise ValueError(f"Column {column!r} must hold 0 (clean) and 1 (noisy). Received: {odd:g}.")
    return values == 1


def times(series, column, option):
    """A column of times: `(whole seconds since 1970, int64 (n,), what they were)`."""
    import pandas

    _refuse_missing(np.asarray(series.isna()), column, otherwise=_left_out(option))
    is_datetime = pandas.api.types.is_datetime64_any_dtype(series)
    if not is_datetime and not pandas.to_numeric(series, errors="coerce").isna().any():
        return _whole_seconds(numbers(series, column, option, np.float64))
    found = pandas.to_datetime(series, errors="coerce", utc=True)
    bad = np.asarray(found.isna())
    if bad.any() and not is_datetime:
        found = pandas.to_datetime(series, errors="coerce", utc=True, format="ISO8601")
        bad = np.asarray(found.isna())
    if bad.any():
        example = datetime.datetime(2024, 5, 17, 8, 30).isoformat()
        raise ValueError(
            f"Column {column!r} must hold seconds since 1970 or dates of one format, such as "
            f"{example!r}. Received: "
            f"{_cell(series, bad)!r} in data row {_row(bad) + 1}. Correct it"
            f"{_left_out(option)}."
        )
    seconds = np.asarray(found.dt.tz_convert(None)).astype("datetime64[s]").astype(np.int64)
    return seconds, "dates"


def _whole_seconds(numbers):
    """Numbers of seconds, milli-, micro- or nanoseconds by their size.

    `(int64 seconds, what they were)`.
    """
    largest = np.abs(numbers).max()
    thousands = sum(largest > limit for limit in (1e11, 1e14, 1e17))
    seconds = np.floor(numbers / 10 ** (3 * thousands)).astype(np.int64)
    return seconds, f"{_UNITS[thousands]} since 1970"
