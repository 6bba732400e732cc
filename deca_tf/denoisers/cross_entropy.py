"""Normal training: every click is believed, every sampled non-click disbelieved."""

import tensorflow as tf

from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser


class CrossEntropy(Denoiser):
    """Binary cross-entropy of the observed labels (`--denoiser none`).

    Paper: section 4.1.3, "Normal".

    Stability: stable.
    """

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        return objectives.binary_cross_entropy(target_logits, label)
