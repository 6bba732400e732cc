"""TensorFlow Serving's configuration messages, those included that its Python package leaves out."""

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

_FILE = "deca_tf/tensorflow_serving_configuration.proto"
_PACKAGE = (
    "deca_tf.tensorflow_serving"  # not the original, which a later tensorflow-serving-api may bring
)
_FIELD = descriptor_pb2.FieldDescriptorProto
_INT64, _STRING = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"
# By the names of tensorflow_serving/servables/tensorflow/session_bundle_config.proto and
# tensorflow_serving/config/monitoring_config.proto: of each field its number and its type.
_MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": (1, _INT64),
        "batch_timeout_micros": (2, _INT64),
        "max_enqueued_batches": (3, _INT64),
        "num_batch_threads": (4, _INT64),
        "thread_pool_name": (5, _STRING),
        "allowed_batch_sizes": (6, [_FIELD.TYPE_INT64]),
        "pad_variable_length_inputs": (7, _FIELD.TYPE_BOOL),
    },
    "PrometheusConfig": {"enable": (1, _FIELD.TYPE_BOOL), "path": (2, _FIELD.TYPE_STRING)},
    "MonitoringConfig": {"prometheus_config": (1, f".{_PACKAGE}.PrometheusConfig")},
}


def _classes():
    file = descriptor_pb2.FileDescriptorProto(name=_FILE, package=_PACKAGE, syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = _FIELD.LABEL_REPEATED if isinstance(kind, list) else _FIELD.LABEL_OPTIONAL
            kind = kind[0] if isinstance(kind, list) else kind
            typed = (
                {"type": _FIELD.TYPE_MESSAGE, "type_name": kind}
                if isinstance(kind, str)
                else {"type": kind}
            )
            message.field.add(name=field, number=number, label=label, **typed)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return [
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    ]


BatchingParameters, PrometheusConfig, MonitoringConfig = _classes()


def parse(text, message_class):
    """A message from its text.

    Raises:
        ValueError: the text is not one of these messages.
    """
    try:
        return text_format.Parse(text, message_class())
    except text_format.ParseError as error:
        raise ValueError(f"{message_class.DESCRIPTOR.name} could not be read: {error}.") from error


def to_text(message):
    """A message as TensorFlow Serving reads it from a file."""
    return text_format.MessageToString(message)
