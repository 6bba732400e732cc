"""DeCA without agreement and without noise models: the named ablation."""

from typing import Any

import tensorflow as tf
from keras import ops

from deca_tf.denoisers import costs, objectives
from deca_tf.denoisers.denoiser import Denoiser


class DeCALimit(Denoiser):
    """Alternates `C1 f` on negatives and `C2 (1 - f)` on positives.

    Paper: Eq. (18), the limit of large C1 and C2; there it is an argument for convergence, not a
    method. It costs one network instead of four, so DeCA has to beat it to earn its keep.

    Stability: stable.
    """

    phases = ("dp", "dn")
    c1: float = costs.C1
    c2: float = costs.C2

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        return objectives.linear_cost(ops.sigmoid(target_logits), label, self.c1, self.c2, phase)

    @classmethod
    def search_space(cls, hp: Any, space: str = "default") -> dict[str, Any]:
        return costs.search_space(hp, space)
