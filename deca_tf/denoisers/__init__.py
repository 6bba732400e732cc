"""Denoisers: ways to learn from labels that lie. To add one: write its file, add a row."""

import importlib

from deca_tf.registry import Registry

DENOISERS = Registry(
    "denoiser",
    {
        "none": "deca_tf.denoisers.normal:Normal",
        "deca": "deca_tf.denoisers.deca:DeCA",
        "deca-p": ("deca_tf.denoisers.deca:DeCA", {"freeze_auxiliary": True}),
        "deca-dp": ("deca_tf.denoisers.deca:DeCA", {"phases": ("dp",)}),
        "deca-dn": ("deca_tf.denoisers.deca:DeCA", {"phases": ("dn",)}),
        "linear": "deca_tf.denoisers.linear:Linear",
    },
)

_CLASSES = {"DeCA": "deca", "Denoiser": "denoiser", "Linear": "linear", "Normal": "normal"}

__all__ = ["DENOISERS", *_CLASSES]


def __getattr__(name):
    if name in _CLASSES:
        return getattr(importlib.import_module(f"deca_tf.denoisers.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
