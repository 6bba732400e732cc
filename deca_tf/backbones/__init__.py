"""Backbones: models that score user-item pairs. To add one: write its file, add a row."""

import importlib

from deca_tf._registry import Registry

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

_CLASSES = {
    "Backbone": "backbone",
    "CDAE": "cdae",
    "GMF": "gmf",
    "LightGCN": "lightgcn",
    "MF": "mf",
    "NeuMF": "neumf",
}

__all__ = ["BACKBONES", *_CLASSES]


def __getattr__(name):
    if name in _CLASSES:
        return getattr(importlib.import_module(f"deca_tf.backbones.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
