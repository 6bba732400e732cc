"""Search for settings by Keras Tuner: what is searched, how, and what was found."""

import importlib

_HOMES = {
    "DeCAHyperModel": "hypermodel",
    "best_settings": "trials",
    "plot_parallel_coordinates": "plots",
    "read_trials": "trials",
    "run_search": "search",
    "write_hparams": "hparams",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"deca_tf.tuning.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
