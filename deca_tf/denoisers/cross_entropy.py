"""Normal training: every click is believed, every sampled non-click disbelieved."""

from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser


class CrossEntropy(Denoiser):
    """Binary cross-entropy of the observed labels (`--denoiser none`).

    Paper: section 4.1.3, "Normal".
    """

    def compute_loss(self, phase, inputs, label, target_logits, update):
        return objectives.binary_cross_entropy(target_logits, label)
