"""EARD: a click counts as much as it, its user and its item can be relied on."""

import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.denoisers import objectives
from deca_tf.denoisers.loss_reweighting import LossReweighting, mean_by
from deca_tf.parts.options import Between, option


class EARD(LossReweighting):
    """Entity-aware reliability-driven denoising.

    After each epoch a positive's weight becomes `base * user's factor * item's factor`: the base is
    the share of positives with no smaller loss, the factors go linearly from beta to alpha as the
    rank of the user's or item's mean loss goes from smallest to largest. Negatives weigh 1.

    Source: Liu et al., "From entity reliability to clean feedback: an entity-aware denoising
    framework beyond interaction-level signals", WWW 2026; warm-up of its released code.
    Differs: see `LossReweighting`. There negatives are ranked too, and one that happens to be drawn
    in the next epoch again has a weight of its own.

    Stability: experimental.
    """

    alpha: float = option(
        default=0.5,
        low=0,
        search=Between(0.1, 1.0),
        doc="Factor of the user, and of the item, with the largest mean loss.",
    )
    beta: float = option(
        default=1.5,
        low=0,
        search=Between(1.0, 2.0),
        doc="Factor of those with the smallest, at least alpha. The paper tunes both for each data "
        "set and backbone, from [0.05, 0.1] to [1, 2].",
    )

    def setup(self) -> None:
        if self.beta < self.alpha:
            raise ValueError(
                "`beta` must be at least `alpha`. Received: "
                f"alpha={self.alpha:g}, beta={self.beta:g}."
            )
        super().setup()

    def create_state(self) -> None:
        self.weight_of_pair = self.add_state("weight_of_pair", self.sizes[2], initializer="ones")

    def reweight(self, user: np.ndarray, item: np.ndarray, loss: np.ndarray) -> None:
        weight = objectives.empirical_cdf(-loss)
        for entity, num_entities in ((user, self.sizes[0]), (item, self.sizes[1])):
            mean, is_active = mean_by(entity, loss, num_entities)
            factor = np.ones(num_entities)
            factor[is_active] = objectives.linear_by_rank(mean[is_active], self.beta, self.alpha)
            weight *= factor[entity]
        self.weight_of_pair.assign(weight)

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        row, is_known = self.rows(inputs)
        is_weighed = ops.logical_and(is_known, label > 0.5)
        weight = ops.where(is_weighed, ops.take(self.weight_of_pair, row, axis=0), 1.0)
        return weight * objectives.binary_cross_entropy(target_logits, label)
