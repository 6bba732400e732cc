"""DeCA without agreement and without noise models: the named ablation."""

import keras
from keras import ops

from deca_tf._checks import check_range
from deca_tf.denoisers import costs, objectives
from deca_tf.denoisers.denoiser import Denoiser


@keras.saving.register_keras_serializable(package="deca_tf")
class DeCALimit(Denoiser):
    """Alternates `C1 f` on negatives and `C2 (1 - f)` on positives.

    Paper: Eq. (18), the limit of large C1 and C2; there it is an argument for convergence, not a
    method. It costs one network instead of four, so DeCA has to beat it to earn its keep.

    Args:
        c1: cost of believing in a pair nobody observed, at least 0.
        c2: cost of doubting an observed pair, at least 0.
    """

    phases = ("dp", "dn")

    def __init__(self, c1=1000.0, c2=10.0, **kwargs):
        super().__init__(**kwargs)
        self.c1 = check_range("c1", c1, 0)
        self.c2 = check_range("c2", c2, 0)

    def compute_loss(self, phase, inputs, label, target_logits, update):
        return objectives.linear_cost(ops.sigmoid(target_logits), label, self.c1, self.c2, phase)

    @classmethod
    def search_space(cls, hp, space="default"):
        return costs.search_space(hp, space)

    def get_config(self):
        return {**super().get_config(), "c1": self.c1, "c2": self.c2}
