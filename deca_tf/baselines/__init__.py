"""Baselines: what a user would pick instead of a denoised model. Same split, same evaluation.

To add one: write its file, a subclass of `Baseline`, and add a row.
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
            "Matrix factorization of all pairs, observed and not, by alternating least squares.",
        ),
    },
    base="deca_tf.baselines.baseline:Baseline",
)

if TYPE_CHECKING:
    from deca_tf.baselines.archive import load as load

    # begin baselines exports, by `make docs`
    from deca_tf.baselines.baseline import Baseline as Baseline
    from deca_tf.baselines.ease import EASE as EASE
    from deca_tf.baselines.implicit_als import ImplicitALS as ImplicitALS
    from deca_tf.baselines.item_knn import ItemKNN as ItemKNN
    from deca_tf.baselines.popularity import Popularity as Popularity
    # end baselines exports
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {"Baseline": ".baseline", "load": ".archive", **BASELINES.homes()},
        "BASELINES",
    )
