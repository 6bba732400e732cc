"""deca_tf: recommenders that learn from clicks that lie.

The names below are imported when they are first used, so that `import deca_tf` and `deca-tf --help`
load no TensorFlow. Editors and type checkers read them in `__init__.pyi`.
"""

from deca_tf._keras import make_classes_known
from deca_tf._lazy import lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "CollapseMonitor": "deca_tf.training.callbacks",
        "DeCAModel": "deca_tf.training",
        "RankingMetrics": "deca_tf.training.callbacks",
        "Recommender": "deca_tf.serving",
        "backbones": ".",
        "baselines": ".",
        "callbacks": ".",
        "config": ".",
        "data": ".",
        "denoisers": ".",
        "distribution": ".",
        "embeddings": ".",
        "evaluate": "deca_tf.evaluation",
        "evaluation": ".",
        "export": "deca_tf.serving",
        "load_split": "deca_tf.data",
        "metrics": ".",
        "optimizers": ".",
        "parts": ".",
        "reporting": ".",
        "run": "deca_tf.runs.run",
        "runs": ".",
        "serving": ".",
        "testing": ".",
        "training": ".",
        "training_batches": "deca_tf.data",
        "tuning": ".",
        "validation_batches": "deca_tf.data",
    },
    "__version__",
)

make_classes_known()
