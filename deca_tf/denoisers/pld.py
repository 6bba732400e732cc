"""PLD: a user's clicks compete with each other, and those with small losses are trained on more often."""

import keras
import tensorflow as tf
from keras import ops

from deca_tf._checks import check_integer, check_range
from deca_tf.denoisers import objectives
from deca_tf.denoisers.loss_reweighting import LossReweighting


@keras.saving.register_keras_serializable(package="deca_tf")
class PLD(LossReweighting):
    """Denoising by the personal loss distribution, as weights.

    Source: Zhang et al., "Personalized denoising implicit feedback for robust recommender system",
    WWW 2025; defaults of its released code.
    Differs: the paper draws a pool of a user's positives at each step, and of these the one to
    train on. A denoiser scores only what is in the batch, so here the positive of the batch is
    weighed against a pool of others, which has the same expected gradient (see
    `objectives.pool_weight`). The losses are those of `LossReweighting`, not of the step; a pool is
    drawn with replacement; and users come as often as they have interactions, not all alike.

    Args:
        pool_size: K, positives in a pool, at least 2.
        temperature: of the softmax, above 0.
        warm_up_epochs: of normal training.
        seed: integer that fixes the pools; XLA draws others than TensorFlow does without it.
    """

    def __init__(self, pool_size=5, temperature=0.1, warm_up_epochs=5, seed=0, **kwargs):
        super().__init__(warm_up_epochs=warm_up_epochs, **kwargs)
        self.pool_size = check_integer("pool_size", pool_size, low=2)
        self.temperature = check_range("temperature", temperature, 0)
        if self.temperature == 0:
            raise ValueError(
                f"`temperature` must be above 0. Received: temperature={temperature!r}."
            )
        self.seed = check_integer("seed", seed, low=0)

    def create_state(self):
        self.loss_of_pair = self.add_state(
            "loss_of_pair", self.sizes[2]
        )  # all equal at first, so all weights are 1

    def look_back(self, user, item, loss):
        self.loss_of_pair.assign(loss)

    def compute_loss(self, phase, inputs, label, target_logits, update):
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

    @classmethod
    def search_space(cls, hp, space="default"):
        return {
            **super().search_space(hp, space),
            "pool_size": hp.Choice("denoiser.pool_size", [2, 5, 10], default=5),
            "temperature": hp.Float("denoiser.temperature", 0.01, 1.0, sampling="log", default=0.1),
        }

    def get_config(self):
        own = {"pool_size": self.pool_size, "temperature": self.temperature, "seed": self.seed}
        return {**super().get_config(), **own}
