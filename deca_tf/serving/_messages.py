"""TensorFlow Serving's messages, made here.

What its Python package leaves out, and what is written without it.
"""

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

_PACKAGE = (
    "deca_tf.tensorflow_serving"  # not the original, which tensorflow-serving-api has or may bring
)
_FIELD = descriptor_pb2.FieldDescriptorProto
BOOL, STRING = _FIELD.TYPE_BOOL, _FIELD.TYPE_STRING
_INT64_VALUE, _STRING_VALUE = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"


def make_messages(file, dependencies, messages):
    """Classes of messages that are written and read as TensorFlow Serving's own.

    Args:
        file: a name for the definitions, of which there is one in a process.
        dependencies: generated modules whose messages are used.
        messages: `{message: {field: (number, type)}}`, each of those before it. A type is `BOOL`,
            `STRING`, or the name of a message, with a dot in front if it is none of these; in a
            list, the field is repeated.

    Returns:
        `{message: class}`.
    """
    definitions = descriptor_pb2.FileDescriptorProto(
        name=f"deca_tf/{file}.proto", package=_PACKAGE, syntax="proto3"
    )
    definitions.dependency.extend(module.DESCRIPTOR.name for module in dependencies)
    for name, fields in messages.items():
        message = definitions.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = _FIELD.LABEL_REPEATED if isinstance(kind, list) else _FIELD.LABEL_OPTIONAL
            message.field.add(name=field, number=number, label=label, **_typed(kind))
    pool = descriptor_pool.Default()
    pool.Add(definitions)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in messages
    }


def _typed(kind):
    kind = kind[0] if isinstance(kind, list) else kind
    if not isinstance(kind, str):
        return {"type": kind}
    name = kind if kind.startswith(".") else f".{_PACKAGE}.{kind}"
    return {"type": _FIELD.TYPE_MESSAGE, "type_name": name}


# By the names of tensorflow_serving/servables/tensorflow/session_bundle_config.proto and
# tensorflow_serving/config/monitoring_config.proto.
_CONFIGURATION = make_messages(
    "tensorflow_serving_configuration",
    [wrappers_pb2],
    {
        "BatchingParameters": {
            "max_batch_size": (1, _INT64_VALUE),
            "batch_timeout_micros": (2, _INT64_VALUE),
            "max_enqueued_batches": (3, _INT64_VALUE),
            "num_batch_threads": (4, _INT64_VALUE),
            "thread_pool_name": (5, _STRING_VALUE),
            "allowed_batch_sizes": (6, [_FIELD.TYPE_INT64]),
            "pad_variable_length_inputs": (7, BOOL),
        },
        "PrometheusConfig": {"enable": (1, BOOL), "path": (2, STRING)},
        "MonitoringConfig": {"prometheus_config": (1, "PrometheusConfig")},
    },
)
BatchingParameters = _CONFIGURATION["BatchingParameters"]
MonitoringConfig = _CONFIGURATION["MonitoringConfig"]


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
