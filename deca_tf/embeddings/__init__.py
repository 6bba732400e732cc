"""Embeddings: tables row by row: lookups, sums of rows, gradients by rows, and passes over large tables in blocks."""

import importlib


def __getattr__(name):
    if name == "look_up":
        return importlib.import_module("deca_tf.embeddings.lookups").look_up
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["look_up"]
