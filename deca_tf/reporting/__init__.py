"""Reports: which interactions are noise, who is served how well.

Importing it loads no TensorFlow.
"""

from deca_tf.reporting.noise import interaction_report, separation_auc
from deca_tf.reporting.slices import slices

__all__ = ["interaction_report", "separation_auc", "slices"]
