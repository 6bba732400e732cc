"""Optimizers: `Adam` moves every row at every update, `LazyAdam` only the rows that the batch asked for."""

from deca_tf._registry import Registry
from deca_tf.optimizers.adam import Adam
from deca_tf.optimizers.lazy_adam import LazyAdam

OPTIMIZERS = Registry(
    "optimizer",
    {"adam": "deca_tf.optimizers.adam:Adam", "lazy-adam": "deca_tf.optimizers.lazy_adam:LazyAdam"},
)

__all__ = ["OPTIMIZERS", "Adam", "LazyAdam"]
