"""GCE: a loss between cross-entropy, which learns fast, and absolute error, which forgives wrong labels."""

import keras

from deca_tf._checks import check_range
from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser


@keras.saving.register_keras_serializable(package="deca_tf")
class GCE(Denoiser):
    """Generalized cross-entropy.

    Source: Zhang & Sabuncu, "Generalized cross entropy loss for training deep neural networks with
    noisy labels", NeurIPS 2018, the L_q loss; q = 0.7 is its authors' choice.

    Args:
        q: in `[0, 1]`; 0 is cross-entropy, 1 the absolute error of the probability.
    """

    def __init__(self, q=0.7, **kwargs):
        super().__init__(**kwargs)
        self.q = check_range("q", q, 0, 1)

    def compute_loss(self, phase, inputs, label, target_logits, update):
        return objectives.generalized_cross_entropy(target_logits, label, self.q)

    @classmethod
    def search_space(cls, hp, space="default"):
        return {"q": hp.Float("denoiser.q", 0.1, 0.9, default=0.7)}

    def get_config(self):
        return {**super().get_config(), "q": self.q}
