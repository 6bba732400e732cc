"""Comparators: what a user would pick instead of a denoised model. Same split, same evaluation.

A comparator is a class whose constructor takes `interactions` (normally `split.train`) and settings, and learns from
them at once. Its `num_items` is the size of the catalogue and its `score_all_items(user_ids)` maps int32 `(batch,)` to
floats `(batch, num_items)`; where it has nothing to say, popularity decides (`popularity.popularity_bonus`). Its class
attribute `GRID` holds the settings worth trying, `{setting: values}`. To add one: write its file, add a row.
"""

import importlib

from deca_tf.registry import Registry

COMPARATORS = Registry(
    "comparator",
    {
        "als": "deca_tf.comparators.implicit_als:ImplicitALS",
        "ease": "deca_tf.comparators.ease:EASE",
        "item-knn": "deca_tf.comparators.item_knn:ItemKNN",
        "popularity": "deca_tf.comparators.popularity:Popularity",
    },
)

_CLASSES = {"EASE": "ease", "ImplicitALS": "implicit_als", "ItemKNN": "item_knn", "Popularity": "popularity"}

__all__ = ["COMPARATORS", *_CLASSES]


def __getattr__(name):
    if name in _CLASSES:
        return getattr(importlib.import_module(f"deca_tf.comparators.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
