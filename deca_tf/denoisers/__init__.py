"""Denoisers: ways to learn from labels that lie. To add one: write its file, add a row."""

import importlib

from deca_tf._registry import Registry

DENOISERS = Registry(
    "denoiser",
    {
        "none": "deca_tf.denoisers.cross_entropy:CrossEntropy",
        "deca": "deca_tf.denoisers.deca:DeCA",
        "deca-p": ("deca_tf.denoisers.deca:DeCA", {"freeze_auxiliary": True}),
        "deca-dp": ("deca_tf.denoisers.deca:DeCA", {"phases": ("dp",)}),
        "deca-dn": ("deca_tf.denoisers.deca:DeCA", {"phases": ("dn",)}),
        "eard": "deca_tf.denoisers.eard:EARD",
        "ensemble": "deca_tf.denoisers.ensemble:Ensemble",
        "gce": "deca_tf.denoisers.gce:GCE",
        "deca-limit": "deca_tf.denoisers.deca_limit:DeCALimit",
        "pld": "deca_tf.denoisers.pld:PLD",
        "r-ce": "deca_tf.denoisers.r_ce:RCE",
        "t-ce": "deca_tf.denoisers.t_ce:TCE",
        "udt": "deca_tf.denoisers.udt:UDT",
        "wbpr": "deca_tf.denoisers.wbpr:WBPR",
    },
)

_CLASSES = {
    "DeCA": "deca",
    "Denoiser": "denoiser",
    "EARD": "eard",
    "Ensemble": "ensemble",
    "GCE": "gce",
    "DeCALimit": "deca_limit",
    "CrossEntropy": "cross_entropy",
    "PLD": "pld",
    "RCE": "r_ce",
    "TCE": "t_ce",
    "UDT": "udt",
    "WBPR": "wbpr",
}

__all__ = ["DENOISERS", *_CLASSES]


def __getattr__(name):
    if name in _CLASSES:
        return getattr(importlib.import_module(f"deca_tf.denoisers.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
