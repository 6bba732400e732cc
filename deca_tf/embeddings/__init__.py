"""Embeddings: tables row by row: lookups, sums and gradients by rows, large tables in blocks."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.embeddings.lookups import look_up as look_up
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "look_up": ".lookups",
        },
    )
