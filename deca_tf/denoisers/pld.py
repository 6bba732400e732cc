"""PLD: a user's clicks compete, and those with small losses are trained on more often."""

from dataclasses import KW_ONLY

import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.denoisers import objectives
from deca_tf.denoisers.loss_reweighting import LossReweighting
from deca_tf.parts.options import Between, OneOf, option


class PLD(LossReweighting):
    """Denoising by the personal loss distribution, as weights.

    Source: Zhang et al., "Personalized denoising implicit feedback for robust recommender system",
    WWW 2025; defaults of its released code.
    Differs: the paper draws a pool of a user's positives at each step, and of these the one to
    train on. A denoiser scores only what is in the batch, so here the positive of the batch is
    weighed against a pool of others, which has the same expected gradient (see
    `objectives.pool_weight`). The losses are those of `LossReweighting`, not of the step; a pool is
    drawn with replacement; and users come as often as they have interactions, not all alike.

    Stability: experimental.
    """

    pool_size: int = option(default=5, low=2, search=OneOf(2, 5, 10), doc="K, positives in a pool.")
    temperature: float = option(
        default=0.1, above=0, search=Between(0.01, 1.0, log=True), doc="Of the softmax."
    )
    _: KW_ONLY
    warm_up_epochs: int = option(
        default=5,
        low=0,
        search=Between(0, 6, start=2),
        doc="Epochs of normal training before the method begins.",
    )
    seed: int = option(
        default=0,
        low=0,
        doc="Fixes the pools; XLA draws others than TensorFlow does without it.",
    )

    def create_state(self) -> None:
        # All equal at first, so all weights are 1.
        self.loss_of_pair = self.add_state("loss_of_pair", self.sizes[2])

    def reweight(self, user: np.ndarray, item: np.ndarray, loss: np.ndarray) -> None:
        self.loss_of_pair.assign(loss)

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        row, is_known = self.rows(inputs)
        first, stop = self.rows_of_user(inputs["user_id"])
        shape = tf.stack([tf.shape(label)[0], self.pool_size - 1])
        draw = tf.random.stateless_uniform(shape, tf.stack([self.seed, tf.cast(update, tf.int32)]))
        length = stop - first
        # Rounding may make the product the length itself. Users without training pairs are not
        # weighed.
        others = ops.minimum(
            ops.cast(draw * ops.cast(length, "float32")[:, None], "int64"), length[:, None] - 1
        )
        others = ops.clip(first[:, None] + others, 0, self.sizes[2] - 1)
        weight = objectives.pool_weight(
            ops.take(self.loss_of_pair, row, axis=0),
            ops.take(self.loss_of_pair, others, axis=0),
            self.temperature,
        )
        weight = ops.where(ops.logical_and(is_known, label > 0.5), weight, 1.0)
        return weight * objectives.binary_cross_entropy(target_logits, label)
