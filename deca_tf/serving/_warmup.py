"""Warm-up: requests that a server answers before it takes a version into service, so that no user waits for it."""

import numpy as np
import tensorflow as tf

WARMUP = "assets.extra/tf_serving_warmup_requests"  # where TensorFlow Serving looks for them
MOST_RECORDS = 1000  # more, and TensorFlow Serving refuses the version
LIST_LENGTH = 8  # of the padded lists of ids


def write_warmup(version, signatures, user_ids, item_ids, batch_sizes):
    """Writes one request per signature and batch size, after each of them has been answered.

    Args:
        version: folder of the version.
        signatures: functions of the loaded version by their names.
        user_ids, item_ids: strings, ids to ask with.
        batch_sizes: integers.

    Raises:
        ValueError: too many records.
        tf.errors.OpError: the version does not answer one of them.
    """
    requests = [
        (name, size, question(function, user_ids, item_ids, size))
        for name, function in sorted(signatures.items())
        for size in batch_sizes
    ]
    if len(requests) > MOST_RECORDS:
        raise ValueError(
            f"Warm-up may have {MOST_RECORDS} records. Received: {len(signatures)} signatures "
            "times "
            f"{len(batch_sizes)} batch sizes. Name fewer."
        )
    for name, _, inputs in requests:
        signatures[name](**{key: tf.constant(values, tf.string) for key, values in inputs.items()})
    path = version / WARMUP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, _, inputs in requests:
            writer.write(_record(name, inputs).SerializeToString())


def read_warmup(version):
    """The requests of a version's warm-up, a list of pairs of a signature's name and `{input: string array}`."""
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(version / WARMUP)).as_numpy_iterator()
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in records
    ]
    return [
        (
            request.model_spec.signature_name,
            {name: tf.make_ndarray(value) for name, value in request.inputs.items()},
        )
        for request in requests
    ]


def question(function, user_ids, item_ids, size):
    """Inputs of a signature, `{name: string array}`, of a batch size.

    Args:
        function: of the signature.
        user_ids, item_ids: strings to take in turn.
        size: of the batch.
    """
    inputs = {}
    for name, spec in function.structured_input_signature[1].items():
        ids = np.asarray(user_ids if name.startswith("user") else item_ids, dtype=object)
        shape = (size,) if spec.shape.rank == 1 else (size, LIST_LENGTH)
        inputs[name] = np.resize(ids, shape)
    return inputs


def _record(signature, inputs):
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values, tf.string))
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
