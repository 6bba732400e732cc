"""Runs: from settings to a trained, evaluated, saved model, and back.

One begins with `deca_tf.run`.
"""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.runs.building import build_model as build_model
    from deca_tf.runs.data import read_split as read_split
    from deca_tf.runs.evaluate import clean_validation as clean_validation
    from deca_tf.runs.folder import RunFolder as RunFolder
    from deca_tf.runs.load import load_run as load_run
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "RunFolder": ".folder",
            "build_model": ".building",
            "clean_validation": ".evaluate",
            "load_run": ".load",
            "read_split": ".data",
        },
    )
