"""Client: asks a model server, TensorFlow Serving or `deca-tf serve`, over gRPC or REST."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.serving.client._answers import Answer as Answer
    from deca_tf.serving.client._answers import Item as Item
    from deca_tf.serving.client._answers import Pair as Pair
    from deca_tf.serving.client._transport import ServerError as ServerError
    from deca_tf.serving.client.client import Client as Client
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "Answer": "._answers",
            "Client": ".client",
            "Item": "._answers",
            "Pair": "._answers",
            "ServerError": "._transport",
        },
    )
