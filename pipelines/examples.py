"""tf.Example records as columns, and how many there are."""

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute

ROWS = beam.metrics.Metrics.counter("deca_tf", "rows")
BATCH = 1 << 15  # rows at once


def run_and_count(pipeline):
    """Runs a Beam pipeline to its end; returns what `ROWS` has counted in it."""
    result = pipeline.run()
    result.wait_until_finish()
    found = result.metrics().query(beam.metrics.MetricsFilter().with_name("rows"))["counters"]
    return sum(each.result for each in found)


def read(pipeline, folder):
    """The batches of an `examples` artifact: a PCollection of `pyarrow.RecordBatch`."""
    from tfx_bsl.public.tfxio import TFExampleRecord

    source = TFExampleRecord(str(folder / "Split-*" / "*.gz"), telemetry_descriptors=["deca_tf"])
    return pipeline | source.BeamSource(batch_size=BATCH)


def flat(batch, name):
    """A feature with one value at most, as an Arrow array with nulls; None if the batch has no such feature."""
    place = batch.schema.get_field_index(name)
    if place < 0:
        return None
    column = batch.column(place)
    if pa.types.is_null(column.type):
        return column
    lengths = pa.compute.fill_null(pa.compute.list_value_length(column), 0)
    ends = pa.compute.cumulative_sum(lengths)
    places = pa.compute.if_else(pa.compute.greater(lengths, 0), pa.compute.subtract(ends, 1), None)
    return column.flatten().take(places)


def hashes(values):
    """64-bit hashes of an Arrow array of strings, the same everywhere and always: uint64."""
    import pandas as pd

    return pd.util.hash_array(np.asarray(values.to_numpy(zero_copy_only=False), dtype=object), categorize=False)
