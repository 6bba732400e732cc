"""Callbacks by the name that Keras users write: those of `deca_tf.training.callbacks`."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.training.callbacks import Backup as Backup
    from deca_tf.training.callbacks import BestWeights as BestWeights
    from deca_tf.training.callbacks import CollapseMonitor as CollapseMonitor
    from deca_tf.training.callbacks import ProgressBar as ProgressBar
    from deca_tf.training.callbacks import RankingMetrics as RankingMetrics
    from deca_tf.training.callbacks import ReleasedEarlyStopping as ReleasedEarlyStopping
    from deca_tf.training.callbacks import Stopwatch as Stopwatch
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        dict.fromkeys(
            (
                "Backup",
                "BestWeights",
                "CollapseMonitor",
                "ProgressBar",
                "RankingMetrics",
                "ReleasedEarlyStopping",
                "Stopwatch",
            ),
            "deca_tf.training.callbacks",
        ),
    )
