"""ExampleGen: a log in whatever files it comes, as tf.Example records."""

import time

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute

from .. import blocks, examples
from ..step import Step

EXAMPLES = "examples"
BATCH = 1 << 16  # rows encoded at once
INT, FLOAT, BYTES = KINDS = (
    "int64",
    "double",
    "large_binary",
)  # Arrow's names, each holding what those before do


class ExampleGen(Step):
    """Reads blocks of files, or rows of BigQuery, and writes each row as a tf.Example.

    A column of text becomes integers or floats where all of its values in the whole log are; users'
    and items' ids stay strings, so that "017" is not "17".
    """

    name = "ExampleGen"
    version = 2
    outputs = (EXAMPLES,)

    def settings(self, context, inputs):
        given = context.settings.input
        source = _fingerprints(given) if given.files else [given.table, given.query, time.time()]
        kept = [given.user_column, given.item_column, given.timestamp_column]
        return {
            "source": source,
            "format": given.format,
            "fields": given.fields,
            "kept": kept,
            "shards": given.shards,
        }

    def run(self, inputs, outputs, context):
        given = context.settings.input
        kept = (given.user_column, given.item_column)
        pipeline = beam.Pipeline(options=context.options)
        if given.files:
            found = blocks.find(given.files, given.format, given.fields)
            notes = {"files": len({block.path for block in found}), "blocks": len(found)}
            parts = pipeline | beam.Create(found)
        else:
            notes = {}
            parts = big_query(pipeline, given.table, given.query) | beam.BatchElements(1000, BATCH)
        parts = parts | beam.Reshuffle()
        kinds = parts | "kinds" >> beam.Map(
            lambda part: kinds_of(_read(part, given.timestamp_column), kept)
        )
        kinds = kinds | beam.CombineGlobally(_merge_kinds)
        records = parts | "encode" >> beam.FlatMap(
            _encode, beam.pvalue.AsSingleton(kinds), given.timestamp_column
        )
        examples.write(records, outputs[EXAMPLES] / "Split-all", given.shards)
        return {"rows": examples.run_and_count(pipeline), **notes}


def big_query(pipeline, table, query):
    """Rows of a table, or of a query in Standard SQL: a PCollection of dicts."""
    if query is not None:
        return pipeline | beam.io.ReadFromBigQuery(query=query, use_standard_sql=True)
    project, _, rest = table.partition(".")
    return pipeline | beam.io.ReadFromBigQuery(table=f"{project}:{rest}" if "." in rest else table)


def _read(part, time_column):
    """A block, or a list of rows, as a `pyarrow.Table`; times as whole seconds since 1970.

    A float of tf.Example has too few digits for them.
    """
    table = blocks.table(part) if isinstance(part, list) else blocks.read(part)
    place = -1 if time_column is None else table.schema.get_field_index(time_column)
    return (
        table
        if place < 0
        else table.set_column(place, time_column, _seconds(table.column(place), time_column))
    )


def _seconds(column, name):
    """A column of numbers or dates, those without a time zone in UTC, as int64."""
    kind = _kind(column, name)
    if kind == BYTES:
        import pandas as pd

        texts = pd.Series(column.cast(pa.string()).to_numpy(zero_copy_only=False))
        times = pd.to_datetime(
            texts.str.replace(" UTC", "Z"), utc=True, format="ISO8601", errors="coerce"
        )
        wrong = times.isna() & texts.notna()
        if wrong.any():
            raise ValueError(
                f"Column {name!r} must hold seconds since 1970 or dates such as '2026-11-24 "
                "08:30:00'. Received: "
                f"{texts[wrong].iloc[0]!r}."
            )
        column = pa.chunked_array(
            [pa.Array.from_pandas(times.dt.tz_convert(None)).cast(pa.timestamp("s"), safe=False)]
        )
    elif kind == FLOAT:
        column = pa.compute.floor(as_kind(column, FLOAT))
    return pa.chunked_array([as_kind(column, INT)])


def _fingerprints(given):
    """What tells whether files have changed: their names, sizes and times of change."""
    found = []
    for pattern in given.files:
        (match,) = blocks.FileSystems.match([pattern])
        found += [
            [file.path, file.size_in_bytes, file.last_updated_in_seconds]
            for file in match.metadata_list
        ]
    return sorted(found)


def kinds_of(table, kept):
    """The narrowest kind of each column, `{name: one of KINDS}`.

    Of a column without any value, the narrowest of all.

    Args:
        table: `pyarrow.Table`.
        kept: names of columns that stay strings.
    """
    return {
        name: BYTES if name in kept else _kind(table.column(name), name)
        for name in table.schema.names
    }


def _kind(column, name):
    if (
        pa.types.is_integer(column.type)
        or pa.types.is_boolean(column.type)
        or pa.types.is_null(column.type)
    ):
        return INT
    if pa.types.is_floating(column.type):
        return FLOAT
    if pa.types.is_timestamp(column.type):
        return INT
    if not _is_text(column.type):
        raise ValueError(
            f"Column {name!r} must hold numbers, text or times. Received: {column.type}."
        )
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column = column.cast(pa.large_binary()).cast(pa.large_string())
    for kind in (INT, FLOAT):
        try:
            column.cast(kind)
        except pa.ArrowInvalid:
            continue
        return kind
    return BYTES


def _is_text(kind):
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _merge_kinds(found):
    merged = {}
    for kinds in found:
        for name, kind in kinds.items():
            merged[name] = max(kind, merged.get(name, INT), key=KINDS.index)
    return merged


def _encode(part, kinds, time_column):
    """The rows of a block, or a list of rows, as lists of serialized tf.Examples."""
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    table = _read(part, time_column)
    columns = {
        name: as_kind(table.column(name), kind)
        for name, kind in kinds.items()
        if name in table.schema.names
    }
    encoder = RecordBatchToExamplesEncoder()
    for batch in pa.table(columns).to_batches(BATCH):
        examples.ROWS.inc(batch.num_rows)
        lists = [examples.lists(_narrow(column)) for column in batch.columns]
        yield encoder.encode(pa.RecordBatch.from_arrays(lists, batch.schema.names))


def as_kind(column, kind):
    """A column as one of `KINDS`; times are whole seconds since 1970."""
    if pa.types.is_timestamp(column.type):
        column = pa.compute.cast(column, pa.timestamp("s"), safe=False).cast(pa.int64())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    if kind == BYTES and not _is_text(column.type):
        column = column.cast(pa.large_string())
    if kind != BYTES and pa.types.is_large_binary(column.type):
        column = column.cast(pa.large_string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.cast(kind)


def _narrow(column):
    return column.cast(pa.float32()) if pa.types.is_floating(column.type) else column
