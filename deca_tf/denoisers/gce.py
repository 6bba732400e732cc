"""GCE: between cross-entropy, which learns fast, and absolute error, robust to wrong labels."""

import tensorflow as tf

from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.parts.options import Between, option


class GCE(Denoiser):
    """Generalized cross-entropy.

    Source: Zhang & Sabuncu, "Generalized cross entropy loss for training deep neural networks with
    noisy labels", NeurIPS 2018, the L_q loss; q = 0.7 is its authors' choice.

    Stability: stable.
    """

    q: float = option(
        default=0.7,
        low=0,
        high=1,
        search=Between(0.1, 0.9),
        doc="0 is cross-entropy, 1 the absolute error of the probability.",
    )

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        return objectives.generalized_cross_entropy(target_logits, label, self.q)
