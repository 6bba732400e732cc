"""R-CE: what the model finds unlikely counts less."""

import keras

from deca_tf._checks import check_range
from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser


@keras.saving.register_keras_serializable(package="deca_tf")
class RCE(Denoiser):
    """Reweighted cross-entropy.

    Source: Wang et al., "Denoising implicit feedback for recommendation", WSDM 2021, R-CE.

    Args:
        beta: how much the model's own probability of the label weighs, at least 0; 0 is normal
            training. Its authors choose from 0.1 to 0.3, and 0.2 is the default of their code.
    """

    def __init__(self, beta=0.2, **kwargs):
        super().__init__(**kwargs)
        self.beta = check_range("beta", beta, 0)

    def compute_loss(self, phase, inputs, label, target_logits, update):
        return objectives.reweighted_cross_entropy(target_logits, label, self.beta)

    @classmethod
    def search_space(cls, hp, space="default"):
        return {"beta": hp.Float("denoiser.beta", 0.05, 1.0, default=0.2)}

    def get_config(self):
        return {**super().get_config(), "beta": self.beta}
