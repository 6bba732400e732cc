"""Clicks: what the steps from Transform on take of an example.

Each column has one name, deca_tf's.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute

from deca_tf.data import Interactions, schema

from . import examples

IDS = (schema.USER_ID, schema.ITEM_ID)
TYPES = {
    schema.TIMESTAMP: pa.int64(),
    schema.RATING: pa.float32(),
    schema.DWELL: pa.float32(),
    schema.IS_NOISY: pa.int64(),
}


def of(batch, columns):
    """The rows of a batch of examples that have a user and an item.

    Args:
        batch: `pyarrow.RecordBatch` of tf.Examples.
        columns: `{name in deca_tf: name in the log}`.

    Returns:
        `pyarrow.RecordBatch`, flat, under deca_tf's names: ids as bytes, times as whole seconds.

    Raises:
        ValueError: such a row lacks one of the other columns, or it holds text.
    """
    found = {name: examples.flat(batch, column) for name, column in columns.items()}
    found = {
        name: pa.nulls(batch.num_rows) if values is None else values
        for name, values in found.items()
    }
    for name in IDS:
        found[name] = _as_bytes(found[name])
    whole = np.logical_and(*(_is_known(found[name]) for name in IDS))
    kept = {name: values.filter(pa.array(whole)) for name, values in found.items()}
    for name in columns:
        if name not in IDS:
            kept[name] = _numbers(kept[name], name, columns[name])
    return pa.RecordBatch.from_arrays(list(kept.values()), list(kept))


def interactions(values, raw_ids=None):
    """Columns of dense ids and more as `Interactions`.

    Args:
        values: `{name: array (n,)}`.
        raw_ids: pair of arrays, of users and items; None: they do not matter, and take no room.
    """
    if raw_ids is None:
        raw_ids = [np.broadcast_to("", int(values[name].max(initial=-1)) + 1) for name in IDS]
    extra = {name: column for name, column in values.items() if name not in IDS}
    if schema.IS_NOISY in extra:
        extra[schema.IS_NOISY] = extra[schema.IS_NOISY] != 0
    return Interactions(*(values[name] for name in IDS), *raw_ids, **extra)


def _is_known(values):
    lengths = pa.compute.fill_null(pa.compute.binary_length(values), 0)
    return lengths.to_numpy(zero_copy_only=False) > 0


def _as_bytes(values):
    if pa.types.is_null(values.type):
        return values.cast(pa.large_binary())
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        values = values.cast(pa.large_string())
    return values.cast(pa.large_binary())


def _numbers(values, name, column):
    missing = values.null_count
    if missing:
        raise ValueError(
            f"Every row must have a value in column {column!r}, since it is the {name}. Received: "
            f"{missing:,} rows of "
            f"{len(values):,} without. Drop those rows, or do not set `input.{name}_column`."
        )
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)) and len(values):
        raise ValueError(
            f"Column {column!r} must hold numbers, since it is the {name}. Received: text, such as "
            f"{values[0].as_py()!r}."
        )
    if pa.types.is_floating(values.type) and name == schema.TIMESTAMP:
        values = pa.compute.floor(values)
    return values.cast(TYPES[name], safe=False)
