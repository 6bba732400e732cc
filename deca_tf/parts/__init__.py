"""Parts: how backbones, denoisers and baselines declare their options, each once."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.parts.options import Between as Between
    from deca_tf.parts.options import OneOf as OneOf
    from deca_tf.parts.options import network as network
    from deca_tf.parts.options import option as option
    from deca_tf.parts.part import Part as Part
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "Between": ".options",
            "OneOf": ".options",
            "Part": ".part",
            "network": ".options",
            "option": ".options",
        },
    )
