"""Callbacks for `fit`: what is watched, kept and saved while a model trains."""

from deca_tf.callbacks.backup import Backup
from deca_tf.callbacks.best_weights import BestWeights
from deca_tf.callbacks.collapse_monitor import CollapseMonitor
from deca_tf.callbacks.progress_bar import ProgressBar
from deca_tf.callbacks.ranking_metrics import RankingMetrics
from deca_tf.callbacks.released_early_stopping import ReleasedEarlyStopping
from deca_tf.callbacks.stopwatch import Stopwatch

__all__ = [
    "Backup",
    "BestWeights",
    "CollapseMonitor",
    "ProgressBar",
    "RankingMetrics",
    "ReleasedEarlyStopping",
    "Stopwatch",
]
