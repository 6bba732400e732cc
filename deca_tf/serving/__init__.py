"""Serving: writes a trained model as a SavedModel that plain TensorFlow answers from."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.serving import client as client
    from deca_tf.serving.recommender import Recommender as Recommender
    from deca_tf.serving.refreshing import Refreshed as Refreshed
    from deca_tf.serving.refreshing import refresh as refresh
    from deca_tf.serving.saved_model import export as export
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "Recommender": ".recommender",
            "Refreshed": ".refreshing",
            "client": ".",
            "export": ".saved_model",
            "refresh": ".refreshing",
        },
    )
