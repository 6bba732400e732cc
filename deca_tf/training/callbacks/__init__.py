"""Callbacks for `fit`: what is watched, kept and saved while a model trains."""

from deca_tf.training.callbacks.backup import Backup
from deca_tf.training.callbacks.best_weights import BestWeights
from deca_tf.training.callbacks.collapse_monitor import CollapseMonitor
from deca_tf.training.callbacks.progress_bar import ProgressBar
from deca_tf.training.callbacks.ranking_metrics import RankingMetrics
from deca_tf.training.callbacks.released_early_stopping import ReleasedEarlyStopping
from deca_tf.training.callbacks.stopwatch import Stopwatch

__all__ = [
    "Backup",
    "BestWeights",
    "CollapseMonitor",
    "ProgressBar",
    "RankingMetrics",
    "ReleasedEarlyStopping",
    "Stopwatch",
]
