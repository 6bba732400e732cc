"""R-CE: what the model finds unlikely counts less."""

import tensorflow as tf

from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.parts.options import Between, option


class RCE(Denoiser):
    """Reweighted cross-entropy.

    Source: Wang et al., "Denoising implicit feedback for recommendation", WSDM 2021, R-CE.

    Stability: stable.
    """

    beta: float = option(
        default=0.2,
        low=0,
        search=Between(0.05, 1.0),
        doc="How much the model's own probability of the label weighs; 0 is normal training. Its "
        "authors choose from 0.1 to 0.3, and 0.2 is the default of their code.",
    )

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        return objectives.reweighted_cross_entropy(target_logits, label, self.beta)
