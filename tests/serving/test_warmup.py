"""Warm-up: one request per signature and batch size.

Each is answered before the version is published.
"""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from deca_tf.serving import export
from deca_tf.serving._warmup import WARMUP, read_warmup, write_warmup


def test_every_signature_is_rehearsed_at_every_size(split, make_target, tmp_path):
    path = export(make_target("mf"), split, tmp_path, k=(5, 10), warmup_batch_sizes=(1, 3))
    signatures = set(tf.saved_model.load(str(path)).signatures)
    requests = read_warmup(path)
    assert sorted((name, len(next(iter(inputs.values())))) for name, inputs in requests) == sorted(
        (name, size) for name in signatures for size in (1, 3)
    )
    known = {
        raw.encode()
        for raw in (*split.train.raw_user_ids.tolist(), *split.train.raw_item_ids.tolist())
    }
    assert all(
        set(np.ravel(values)) <= known for _, inputs in requests for values in inputs.values()
    )


def test_the_file_is_what_tensorflow_serving_reads(split, make_target, tmp_path):
    path = export(make_target("mf"), split, tmp_path, k=5, warmup_batch_sizes=(2,))
    theirs = []
    for record in tf.data.TFRecordDataset(str(path / WARMUP)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert {field.name for field, _ in request.ListFields()} == {"model_spec", "inputs"}
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        theirs.append((request.model_spec.signature_name, inputs))
    np.testing.assert_equal(theirs, read_warmup(path))


def test_a_version_that_cannot_answer_is_not_published(split, make_target, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise tf.errors.InvalidArgumentError(None, None, "no such thing")

    monkeypatch.setattr("deca_tf.serving.saved_model.write_warmup", broken)
    with pytest.raises(tf.errors.InvalidArgumentError):
        export(make_target("mf"), split, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_too_many_records_are_refused(tmp_path):
    one = tf.function(lambda user_id: {"item_id": user_id}).get_concrete_function(
        user_id=tf.TensorSpec([None], tf.string, "user_id")
    )
    with pytest.raises(
        ValueError, match="may have 1000 records. Received: 1 signatures times 1001 batch sizes"
    ):
        write_warmup(tmp_path, {"recommend": one}, ["a"], ["b"], range(1, 1002))
    assert not (tmp_path / WARMUP).exists()
