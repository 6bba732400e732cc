"""Comparators: what a user would pick instead of a denoised model. Same split, same evaluation.

A comparator is a class whose constructor takes `interactions` (normally `split.train`) and settings, and learns from
them at once. Its `score_all_items(user_ids)` maps int32 `(batch,)` to floats `(batch, num_items)`. To add one: write
its file, add a row.
"""

import importlib

from deca_tf.registry import Registry

COMPARATORS = Registry("comparator", {"popularity": "deca_tf.comparators.popularity:Popularity"})

_CLASSES = {"Popularity": "popularity"}

__all__ = ["COMPARATORS", *_CLASSES]


def __getattr__(name):
    if name in _CLASSES:
        return getattr(importlib.import_module(f"deca_tf.comparators.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
