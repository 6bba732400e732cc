"""Warm-up: requests that a server answers before it takes a version into service.

So no user waits for it.
"""

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from deca_tf.serving._messages import STRING, make_messages

WARMUP = "assets.extra/tf_serving_warmup_requests"  # where TensorFlow Serving looks for them
MOST_RECORDS = 1000  # more, and TensorFlow Serving refuses the version
LIST_LENGTH = 8  # of the padded lists of ids
# By the names of tensorflow_serving/apis/model.proto, predict.proto and prediction_log.proto, as
# far as a request needs them: so an export works without tensorflow-serving-api.
PredictionLog = make_messages(
    "tensorflow_serving_warmup",
    [tensor_pb2],
    {
        "ModelSpec": {"name": (1, STRING), "signature_name": (3, STRING)},
        "Input": {"key": (1, STRING), "value": (2, ".tensorflow.TensorProto")},
        "PredictRequest": {
            "model_spec": (1, "ModelSpec"),
            "inputs": (2, ["Input"]),  # a map there, which is written in the same way
        },
        "PredictLog": {"request": (1, "PredictRequest")},
        "PredictionLog": {"predict_log": (6, "PredictLog")},
    },
)["PredictionLog"]


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
    """The requests of a version's warm-up.

    A list of pairs of a signature's name and `{input: string array}`.
    """
    records = tf.data.TFRecordDataset(str(version / WARMUP)).as_numpy_iterator()
    requests = [PredictionLog.FromString(record).predict_log.request for record in records]
    return [
        (
            request.model_spec.signature_name,
            {each.key: tf.make_ndarray(each.value) for each in request.inputs},
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
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for name, values in inputs.items():
        request.inputs.add(key=name, value=tf.make_tensor_proto(values, tf.string))
    return log
