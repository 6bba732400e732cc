"""Backbones: models that score user-item pairs. To add one: write its file, add a row."""

from typing import TYPE_CHECKING

from deca_tf._keras import check_backend
from deca_tf._lazy import lazy
from deca_tf._registry import Registry

check_backend()

BACKBONES = Registry(
    "backbone",
    {
        "cdae": "deca_tf.backbones.cdae:CDAE",
        "gmf": "deca_tf.backbones.gmf:GMF",
        "lightgcn": "deca_tf.backbones.lightgcn:LightGCN",
        "mf": "deca_tf.backbones.mf:MF",
        "neumf": "deca_tf.backbones.neumf:NeuMF",
    },
)

if TYPE_CHECKING:
    from deca_tf.backbones.backbone import Backbone as Backbone
    from deca_tf.backbones.cdae import CDAE as CDAE
    from deca_tf.backbones.gmf import GMF as GMF
    from deca_tf.backbones.lightgcn import LightGCN as LightGCN
    from deca_tf.backbones.mf import MF as MF
    from deca_tf.backbones.neumf import NeuMF as NeuMF
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "Backbone": ".backbone",
            "CDAE": ".cdae",
            "GMF": ".gmf",
            "LightGCN": ".lightgcn",
            "MF": ".mf",
            "NeuMF": ".neumf",
        },
        "BACKBONES",
    )
