"""Optimizers: `Adam` moves every row at every update, `LazyAdam` only the rows of the batch."""

from typing import TYPE_CHECKING

from deca_tf._keras import check_imported_backend
from deca_tf._lazy import lazy
from deca_tf._registry import Registry, Row

check_imported_backend()

OPTIMIZERS = Registry(
    "optimizer",
    {
        "adam": Row(
            "deca_tf.optimizers.adam:Adam",
            "Moves every row of every table at every update, as in the paper.",
        ),
        "lazy-adam": Row(
            "deca_tf.optimizers.lazy_adam:LazyAdam",
            "Moves the rows of the batch only: for tables of many rows.",
        ),
    },
    base="keras.optimizers:Optimizer",
)

if TYPE_CHECKING:
    # begin optimizers exports, by `make docs`
    from deca_tf.optimizers.adam import Adam as Adam
    from deca_tf.optimizers.lazy_adam import LazyAdam as LazyAdam
    # end optimizers exports
else:
    __getattr__, __dir__, __all__ = lazy(__name__, OPTIMIZERS.homes(), "OPTIMIZERS")
