"""Records in batches: what is written is what TensorFlow reads, and the other way round."""

import gzip

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from pipelines import examples

TEXTS = [b"x" * (number % 40) for number in range(500)]
RECORDS = RecordBatchToExamplesEncoder().encode(
    pa.RecordBatch.from_arrays([examples.lists(pa.array(TEXTS, pa.large_binary()))], ["text"])
)


def texts(batches):
    return [text for batch in batches for text in batch.column("text").flatten().to_pylist()]


def test_shards_are_tfrecords_in_an_order_of_their_own(tmp_path):
    for name, packs in (
        ("one", [RECORDS[:300], RECORDS[300:]]),
        ("two", [RECORDS[300:], RECORDS[:300]]),
    ):
        pipeline = beam.Pipeline()
        examples.write(pipeline | beam.Create(packs), tmp_path / name / "Split-all", 3)
        pipeline.run().wait_until_finish()
    files = sorted((tmp_path / "one" / "Split-all").iterdir())
    assert [file.name for file in files] == [
        f"data_tfrecord-0000{number}-of-00003.gz" for number in range(3)
    ]
    found = [list(tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator()) for file in files]
    assert sorted(record for records in found for record in records) == sorted(RECORDS)
    assert max(map(len, found)) - min(map(len, found)) <= 2
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / "Split-all" / file.name).read_bytes()


def test_no_records_are_files_without_any(tmp_path):
    pipeline = beam.Pipeline()
    examples.write(pipeline | beam.Create([]), tmp_path, 2)
    pipeline.run().wait_until_finish()
    assert [list(tf.data.TFRecordDataset(str(file), "GZIP")) for file in tmp_path.iterdir()] == [
        [],
        [],
    ]


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 20])
def test_records_are_whole_wherever_pieces_end(piece, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "PIECE", piece)
    file = tmp_path / "data.gz"
    file.write_bytes(examples.compress(RECORDS[:30]) + examples.compress(RECORDS[30:60]))
    batches = list(examples.batches(file, 25))
    assert [batch.num_rows for batch in batches] == [25, 25, 10]
    assert texts(batches) == TEXTS[:60]


def test_a_file_that_ends_within_a_record_is_refused(tmp_path):
    file = tmp_path / "data.gz"
    file.write_bytes(gzip.compress(gzip.decompress(examples.compress(RECORDS[:3]))[:-5]))
    with pytest.raises(ValueError, match="must end with a whole record. Received: "):
        list(examples.batches(file, 25))


def test_values_and_lists_are_each_others_reverse():
    values = pa.array([3, None, 5], pa.int64())
    batch = pa.RecordBatch.from_arrays([examples.lists(values)], ["n"])
    assert batch.column("n").to_pylist() == [[3], [], [5]]
    assert examples.flat(batch, "n").equals(values)
    assert examples.flat(batch, "absent") is None


@pytest.mark.parametrize("size", [0, 1, 100])
def test_equal_keys_meet(size):
    keys = np.random.default_rng(0).integers(0, 2**63, size).astype(np.uint64)
    found = dict(examples.by_group(keys, 7))
    assert sorted(np.concatenate([[], *found.values()]).tolist()) == list(range(size))
    for group, rows in found.items():
        assert len(rows) and (keys[rows] % 7 == group).all()
