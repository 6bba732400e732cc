"""T-CE: the positives with the largest losses are left out, a few at first, more later."""

import tensorflow as tf
from keras import ops

from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.parts.options import Between, option


class TCE(Denoiser):
    """Truncated cross-entropy.

    Source: Wang et al., "Denoising implicit feedback for recommendation", WSDM 2021, T-CE. Rate and
    schedule default to those with which the released code of the DeCA paper compares.

    The ranking is over the batch of one update, and of one device. Positives are 1 / (1 +
    num_negatives) of it: a rate above that share leaves no positive at all.

    Stability: stable.
    """

    drop_rate: float = option(
        default=0.2,
        low=0,
        high=1,
        search=Between(0.02, 0.4),
        doc="Share of the batch that is left out in the end; e_max.",
    )
    steps_to_full: int = option(
        default=30_000,
        search=Between(100, 30_000, log=True, start=3_000),
        doc="Updates until then; the rate grows linearly.",
    )

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        loss = objectives.binary_cross_entropy(target_logits, label)
        progress = ops.minimum(ops.cast(update, "float32") / self.steps_to_full, 1.0)
        return loss * objectives.truncation_weight(loss, label, self.drop_rate * progress)
