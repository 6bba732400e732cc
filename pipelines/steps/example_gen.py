"""ExampleGen: a log in whatever files it comes, as tf.Example records."""

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute

from pipelines import blocks, examples
from pipelines.step import Step

EXAMPLES = "examples"
BATCH = 1 << 16  # rows encoded at once
INT, FLOAT, BYTES = KINDS = ("int64", "double", "large_binary")  # Arrow's names, each holding what those before do


class ExampleGen(Step):
    """Reads blocks of files and writes each row as a tf.Example.

    A column of text becomes integers or floats where all of its values in the whole log are; users' and items' ids stay
    strings, so that "017" is not "17".
    """

    name = "ExampleGen"
    outputs = (EXAMPLES,)

    def settings(self, context, inputs):
        given = context.settings.input
        ids = [given.user_column, given.item_column]
        return {"files": _fingerprints(given), "format": given.format, "ids": ids, "shards": given.shards}

    def run(self, inputs, outputs, context):
        given = context.settings.input
        found = blocks.find(given.files, given.format)
        kept = (given.user_column, given.item_column)
        pipeline = beam.Pipeline(options=context.options)
        parts = pipeline | beam.Create(found) | beam.Reshuffle()
        kinds = parts | "kinds" >> beam.Map(lambda block: kinds_of(blocks.read(block), kept))
        kinds = kinds | beam.CombineGlobally(_merge_kinds)
        records = parts | "encode" >> beam.FlatMap(_encode, beam.pvalue.AsSingleton(kinds))
        examples.write(records, outputs[EXAMPLES] / "Split-all", given.shards)
        rows = examples.run_and_count(pipeline)
        return {"rows": rows, "files": len({block.path for block in found}), "blocks": len(found)}


def _fingerprints(given):
    """What tells whether files have changed: their names, sizes and times of change."""
    found = []
    for pattern in given.files:
        (match,) = blocks.FileSystems.match([pattern])
        found += [[file.path, file.size_in_bytes, file.last_updated_in_seconds] for file in match.metadata_list]
    return sorted(found)


def kinds_of(table, kept):
    """The narrowest kind of each column, `{name: one of KINDS}`; of a column without any value, the narrowest of all.

    Args:
        table: `pyarrow.Table`.
        kept: names of columns that stay strings.
    """
    return {name: BYTES if name in kept else _kind(table.column(name), name) for name in table.schema.names}


def _kind(column, name):
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type) or pa.types.is_null(column.type):
        return INT
    if pa.types.is_floating(column.type):
        return FLOAT
    if pa.types.is_timestamp(column.type):
        return INT
    if not _is_text(column.type):
        raise ValueError(f"Column {name!r} must hold numbers, text or times. Received: {column.type}.")
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
        for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def _merge_kinds(found):
    merged = {}
    for kinds in found:
        for name, kind in kinds.items():
            merged[name] = max(kind, merged.get(name, INT), key=KINDS.index)
    return merged


def _encode(block, kinds):
    """The rows of a block as serialized tf.Examples."""
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    table = blocks.read(block)
    columns = {name: as_kind(table.column(name), kind) for name, kind in kinds.items() if name in table.schema.names}
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
    return column.combine_chunks().cast(kind)


def _narrow(column):
    return column.cast(pa.float32()) if pa.types.is_floating(column.type) else column
