"""Serving: writes a trained model as a SavedModel that plain TensorFlow answers from, and asks it."""

import importlib

_HOMES = {
    "export": "deca_tf.serving.saved_model",
    "Recommender": "deca_tf.serving.recommender",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
