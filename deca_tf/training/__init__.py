"""Training: `DeCAModel`, what a batch comes to, the penalty, callbacks."""

from typing import TYPE_CHECKING

from deca_tf._keras import check_imported_backend
from deca_tf._lazy import lazy

check_imported_backend()

if TYPE_CHECKING:
    from deca_tf.training import callbacks as callbacks
    from deca_tf.training.deca_model import DeCAModel as DeCAModel
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "DeCAModel": ".deca_model",
            "callbacks": ".",
        },
    )
