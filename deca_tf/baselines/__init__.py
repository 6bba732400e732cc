"""Baselines: what a user would pick instead of a denoised model. Same split, same evaluation.

A baseline is a class whose constructor takes `interactions` (normally `split.train`) and settings,
and learns from them at once. Its `num_items` is the size of the catalogue and its
`score_all_items(user_ids)` maps int32 `(batch,)` to floats `(batch, num_items)`; where it has
nothing to say, popularity decides (`popularity.popularity_bonus`). Its class attribute `GRID` holds
the settings worth trying, `{setting: values}`. To add one: write its file, add a row.
"""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy
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

if TYPE_CHECKING:
    from deca_tf.baselines.ease import EASE as EASE
    from deca_tf.baselines.implicit_als import ImplicitALS as ImplicitALS
    from deca_tf.baselines.item_knn import ItemKNN as ItemKNN
    from deca_tf.baselines.popularity import Popularity as Popularity
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "EASE": ".ease",
            "ImplicitALS": ".implicit_als",
            "ItemKNN": ".item_knn",
            "Popularity": ".popularity",
        },
        "BASELINES",
    )
