"""Baselines: what a user would pick instead of a denoised model. Same split, same evaluation.

A baseline is a class whose constructor takes `interactions` (normally `split.train`) and settings,
and learns from them at once. Its `num_items` is the size of the catalogue and its
`score_all_items(user_ids)` maps int32 `(batch,)` to floats `(batch, num_items)`; where it has
nothing to say, popularity decides (`popularity.popularity_bonus`). Its class attribute `GRID` holds
the settings worth trying, `{setting: values}`. To add one: write its file, add a row.
"""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy
from deca_tf._registry import Registry, Row

BASELINES = Registry(
    "baseline",
    {
        "popularity": Row(
            "deca_tf.baselines.popularity:Popularity", "Everybody gets what most people took."
        ),
        "item-knn": Row(
            "deca_tf.baselines.item_knn:ItemKNN", "What goes together with what the user took."
        ),
        "ease": Row(
            "deca_tf.baselines.ease:EASE",
            "A linear model from items to items, learned in one step.",
        ),
        "als": Row(
            "deca_tf.baselines.implicit_als:ImplicitALS",
            "Matrix factorization of all pairs, observed and not, by the package implicit.",
        ),
    },
)

if TYPE_CHECKING:
    from deca_tf.baselines.ease import EASE as EASE
    from deca_tf.baselines.implicit_als import ImplicitALS as ImplicitALS
    from deca_tf.baselines.item_knn import ItemKNN as ItemKNN
    from deca_tf.baselines.popularity import Popularity as Popularity
else:
    __getattr__, __dir__, __all__ = lazy(__name__, BASELINES.homes(), "BASELINES")
