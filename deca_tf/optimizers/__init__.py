"""Optimizers: `Adam` moves every row at every update, `LazyAdam` only the rows that the batch asked for."""

from typing import TYPE_CHECKING

from deca_tf._keras import check_backend
from deca_tf._lazy import lazy
from deca_tf._registry import Registry

check_backend()

OPTIMIZERS = Registry(
    "optimizer",
    {"adam": "deca_tf.optimizers.adam:Adam", "lazy-adam": "deca_tf.optimizers.lazy_adam:LazyAdam"},
)

if TYPE_CHECKING:
    from deca_tf.optimizers.adam import Adam as Adam
    from deca_tf.optimizers.lazy_adam import LazyAdam as LazyAdam
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "Adam": ".adam",
            "LazyAdam": ".lazy_adam",
        },
        "OPTIMIZERS",
    )
