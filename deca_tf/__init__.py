"""deca_tf: recommenders that learn from clicks that lie.

The names below are imported when they are first used, so that `import deca_tf` and `deca-tf --help`
load no TensorFlow.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "DeCAModel": "deca_tf.training.deca_model",
    "CollapseMonitor": "deca_tf.training.callbacks",
    "RankingMetrics": "deca_tf.training.callbacks",
    "evaluate": "deca_tf.evaluation",
    "load_split": "deca_tf.data",
    "training_batches": "deca_tf.data",
    "validation_batches": "deca_tf.data",
    "export": "deca_tf.serving",
    "Recommender": "deca_tf.serving",
    "run": "deca_tf.runs.run",
}
_ROOMS = (
    "backbones",
    "baselines",
    "config",
    "data",
    "denoisers",
    "metrics",
    "optimizers",
    "reporting",
    "serving",
    "tuning",
)

__all__ = ["__version__", *_HOMES, *_ROOMS]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"deca_tf.{name}")
    raise AttributeError(f"module 'deca_tf' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
