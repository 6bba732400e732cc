"""tf.Example records as columns, in whole batches, and how many there are.

Beam's own transforms for TFRecords handle one record at a time, which took most of the time of
every step. Here what moves between workers is a compressed file's part: parts of gzip files, one
behind the other, are a gzip file.
"""

import gzip
import itertools
import os
import pathlib
import struct
import tempfile

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute

ROWS = beam.metrics.Metrics.counter("deca_tf", "rows")
BATCH = 1 << 16  # rows at once
FILES = "data_tfrecord-*.gz"
PIECE = 1 << 22  # bytes read at once
HEADER = struct.Struct("<QI")  # of a record: its length, and a checksum of the length
FOOTER = 4  # bytes of a record's checksum, which gzip's makes needless


def run_and_count(pipeline):
    """Runs a Beam pipeline to its end; returns what `ROWS` has counted in it."""
    result = pipeline.run()
    result.wait_until_finish()
    found = result.metrics().query(beam.metrics.MetricsFilter().with_name("rows"))["counters"]
    return sum(each.result for each in found)


def read(pipeline, folder, size=BATCH, columns=None):
    """The batches of an artifact of examples: a PCollection of `pyarrow.RecordBatch`.

    Args:
        pipeline: to be read in.
        folder: that holds folders `Split-...`.
        size: records of a batch.
        columns: names of those to read; None: all.
    """
    files = sorted(str(file) for file in folder.glob(f"Split-*/{FILES}"))
    return (
        pipeline
        | beam.Create(files)
        | "spread files" >> beam.Reshuffle()
        | beam.FlatMap(batches, size, columns)
    )


def batches(file, size, columns=None):
    """The records of a gzipped TFRecord file of tf.Examples, as batches of Arrow; see `read`."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    with gzip.open(file) as stream:
        records = _records(stream)
        while some := list(itertools.islice(records, size)):
            batch = decoder.DecodeBatch(some)
            yield (
                batch
                if columns is None
                else batch.select([name for name in columns if name in batch.schema.names])
            )


def _records(stream):
    """The records of a TFRecord file, cut from large pieces.

    Reading each by itself would take twice as long.
    """
    rest = b""
    while piece := stream.read(PIECE):
        piece, place = rest + piece, 0
        while place + HEADER.size <= len(piece):
            begin = place + HEADER.size
            end = begin + HEADER.unpack_from(piece, place)[0]
            if end + FOOTER > len(piece):
                break
            yield piece[begin:end]
            place = end + FOOTER
        rest = piece[place:]
    if rest:
        raise ValueError(
            f"A TFRecord file must end with a whole record. Received: {len(rest)} more bytes."
        )


def write(packs, folder, shards):
    """Writes records into `shards` gzipped TFRecord files.

    Their order does not depend on the workers.

    Args:
        packs: PCollection of lists of bytes, each a record; each list is spread over all shards.
        folder: a folder `Split-...`.
        shards: number of files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nothing = packs.pipeline | "each shard" >> beam.Create(
        [(number, b"") for number in range(shards)]
    )
    parts = packs | "compress" >> beam.FlatMap(_compressed, shards)
    grouped = (parts, nothing) | "parts" >> beam.Flatten() | "by shard" >> beam.GroupByKey()
    grouped | "write" >> beam.Map(_write_parts, str(folder), shards)


def _compressed(records, shards):
    size = max(1, -(-len(records) // shards))
    for number, start in enumerate(range(0, len(records), size)):
        yield number, compress(records[start : start + size])


def compress(records):
    """Records as the bytes of a gzipped TFRecord file."""
    import tensorflow as tf

    descriptor, name = tempfile.mkstemp(suffix=".gz")
    os.close(descriptor)
    path = pathlib.Path(name)
    try:
        with tf.io.TFRecordWriter(
            name, tf.io.TFRecordOptions("GZIP", compression_level=1)
        ) as writer:
            for record in records:
                writer.write(record)
        return path.read_bytes()
    finally:
        path.unlink()


def _write_parts(numbered, folder, shards):
    from deca_tf.data.shards import (
        shard_name,
    )  # late, for it loads TensorFlow, which takes a worker some seconds

    number, parts = numbered
    whole = b"".join(sorted(parts)) or compress([])
    (pathlib.Path(folder) / shard_name(number, shards)).write_bytes(whole)


def flat(batch, name):
    """A feature with one value at most, as an Arrow array with nulls.

    None if the batch has no such feature.
    """
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


def lists(values):
    """Each value of an Arrow array as a list of one, a missing one as an empty list."""
    lengths = pa.compute.cast(values.is_valid(), pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pa.compute.cumulative_sum(lengths)])
    return pa.LargeListArray.from_arrays(offsets, values.drop_null())


def hashes(values):
    """64-bit hashes of an Arrow array of strings, the same everywhere and always: uint64."""
    import pandas as pd

    return pd.util.hash_array(
        np.asarray(values.to_numpy(zero_copy_only=False), dtype=object), categorize=False
    )


def by_group(keys, groups):
    """Rows put together by `key % groups`, so that equal keys meet.

    `(group, places of its rows)`, no group empty.

    Args:
        keys: integers `(n,)`.
        groups: how many.
    """
    group = (keys % keys.dtype.type(groups)).astype(np.int64)
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order]) > 0) + 1
    for rows in np.split(order, edges):
        if len(rows):
            yield int(group[rows[0]]), rows
