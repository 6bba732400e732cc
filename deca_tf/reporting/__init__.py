"""Reports: which interactions are noise. Importing it loads no TensorFlow."""

from deca_tf.reporting.noise import interaction_report, separation_auc

__all__ = ["interaction_report", "separation_auc"]
