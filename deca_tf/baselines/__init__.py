"""Baselines: what a user would pick instead of a denoised model. Same split, same evaluation.

A baseline is a class whose constructor takes `interactions` (normally `split.train`) and settings,
and learns from them at once. Its `num_items` is the size of the catalogue and its
`score_all_items(user_ids)` maps int32 `(batch,)` to floats `(batch, num_items)`; where it has
nothing to say, popularity decides (`popularity.popularity_bonus`). Its class attribute `GRID` holds
the settings worth trying, `{setting: values}`. To add one: write its file, add a row.
"""

import importlib

from deca_tf._registry import Registry

BASELINES = Registry(
    "baseline",
    {
        "als": "deca_tf.baselines.implicit_als:ImplicitALS",
        "ease": "deca_tf.baselines.ease:EASE",
        "item-knn": "deca_tf.baselines.item_knn:ItemKNN",
        "popularity": "deca_tf.baselines.popularity:Popularity",
    },
)

_CLASSES = {
    "EASE": "ease",
    "ImplicitALS": "implicit_als",
    "ItemKNN": "item_knn",
    "Popularity": "popularity",
}

__all__ = ["BASELINES", *_CLASSES]


def __getattr__(name):
    if name in _CLASSES:
        return getattr(importlib.import_module(f"deca_tf.baselines.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
