"""T-CE: the positives with the largest losses are left out, a few at first, more later."""

import keras
from keras import ops

from deca_tf._checks import check_integer, check_range
from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser


@keras.saving.register_keras_serializable(package="deca_tf")
class TCE(Denoiser):
    """Truncated cross-entropy.

    Source: Wang et al., "Denoising implicit feedback for recommendation", WSDM 2021, T-CE. Rate and
    schedule default to those with which the released code of the DeCA paper compares.

    The ranking is over the batch of one update, and of one device. Positives are 1 / (1 +
    num_negatives) of it: a rate above that share leaves no positive at all.

    Args:
        drop_rate: share of the batch that is left out in the end, in `[0, 1]`; e_max.
        steps_to_full: updates until then, at least 1; the rate grows linearly.
    """

    def __init__(self, drop_rate=0.2, steps_to_full=30_000, **kwargs):
        super().__init__(**kwargs)
        self.drop_rate = check_range("drop_rate", drop_rate, 0, 1)
        self.steps_to_full = check_integer("steps_to_full", steps_to_full)

    def compute_loss(self, phase, inputs, label, target_logits, update):
        loss = objectives.binary_cross_entropy(target_logits, label)
        progress = ops.minimum(ops.cast(update, "float32") / self.steps_to_full, 1.0)
        return loss * objectives.truncation_weight(loss, label, self.drop_rate * progress)

    @classmethod
    def search_space(cls, hp, space="default"):
        return {
            "drop_rate": hp.Float("denoiser.drop_rate", 0.02, 0.4, default=0.2),
            "steps_to_full": hp.Int(
                "denoiser.steps_to_full", 100, 30_000, sampling="log", default=3_000
            ),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "drop_rate": self.drop_rate,
            "steps_to_full": self.steps_to_full,
        }
