"""Client: asks a model server, TensorFlow Serving or `deca-tf serve`, over gRPC or REST."""

import importlib

_HOMES = {
    "Client": "deca_tf.serving.client.client",
    "Answer": "deca_tf.serving.client._answers",
    "Item": "deca_tf.serving.client._answers",
    "Pair": "deca_tf.serving.client._answers",
    "ServerError": "deca_tf.serving.client._transport",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
