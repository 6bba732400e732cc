"""Training: `DeCAModel`, what a batch comes to, the penalty, callbacks."""

import importlib


def __getattr__(name):
    if name == "DeCAModel":
        return importlib.import_module("deca_tf.training.deca_model").DeCAModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["DeCAModel"]
