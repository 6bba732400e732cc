"""Backbones: models that score user-item pairs. To add one: write its file, add a row."""

from typing import TYPE_CHECKING

from deca_tf._keras import check_imported_backend
from deca_tf._lazy import lazy
from deca_tf._registry import Registry, Row

check_imported_backend()

BACKBONES = Registry(
    "backbone",
    {
        "mf": Row(
            "deca_tf.backbones.mf:MF",
            "Matrix factorization: the dot product of a user and an item vector.",
        ),
        "gmf": Row(
            "deca_tf.backbones.gmf:GMF",
            "Generalized matrix factorization: a learned weighting of the products.",
        ),
        "neumf": Row(
            "deca_tf.backbones.neumf:NeuMF",
            "Neural matrix factorization: GMF and a multi-layer perceptron side by side.",
        ),
        "lightgcn": Row(
            "deca_tf.backbones.lightgcn:LightGCN",
            "User and item vectors smoothed over the graph of clicks.",
        ),
        "cdae": Row("deca_tf.backbones.cdae:CDAE", "A denoising autoencoder of users' histories."),
        "elsa": Row(
            "deca_tf.backbones.elsa:ELSA",
            "A linear autoencoder of users' histories, for catalogues of any size.",
        ),
    },
    base="deca_tf.backbones.backbone:Backbone",
)

if TYPE_CHECKING:
    # begin backbones exports, by `make docs`
    from deca_tf.backbones.backbone import Backbone as Backbone
    from deca_tf.backbones.cdae import CDAE as CDAE
    from deca_tf.backbones.elsa import ELSA as ELSA
    from deca_tf.backbones.gmf import GMF as GMF
    from deca_tf.backbones.lightgcn import LightGCN as LightGCN
    from deca_tf.backbones.mf import MF as MF
    from deca_tf.backbones.neumf import NeuMF as NeuMF
    # end backbones exports
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__, {"Backbone": ".backbone", **BACKBONES.homes()}, "BACKBONES"
    )
