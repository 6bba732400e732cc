"""Runs: from settings to a trained, evaluated, saved model, and back.

One begins with `deca_tf.run`.
"""

import importlib

_HOMES = {
    "RunFolder": "folder",
    "build_model": "building",
    "clean_validation": "evaluate",
    "load_run": "load",
    "read_split": "data",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"deca_tf.runs.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
