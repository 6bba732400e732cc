"""UDT: users differ in how much noise they make, and so do their interactions."""

import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf._checks import check_range
from deca_tf.denoisers import objectives
from deca_tf.denoisers.loss_reweighting import LossReweighting, mean_by
from deca_tf.parts.options import option


def _pair(name, values):
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        raise ValueError(f"`{name}` must be two numbers. Received: {name}={values!r}.")
    return tuple(check_range(name, value, 0) for value in values)


def _pair_above_0(name, values):
    pair = _pair(name, values)
    if min(pair) == 0:
        raise ValueError(f"`{name}` must be above 0. Received: {name}={values!r}.")
    return pair


class UDT(LossReweighting):
    """Unified denoising training: a weight for each user and, within a user, for each interaction.

    After each epoch users are ranked by their mean loss. The rank gives a weight and a temperature,
    both linearly. A positive weighs `user's weight * n * softmax over the user's n positives of
    (-loss / user's temperature)`, a negative its user's weight.

    Source: Chua et al., "Unified denoising training for recommendation", RecSys 2024; defaults of
    its released code.
    Differs: see `LossReweighting`; so a user's mean loss is over positives, there over all that was
    trained on.

    Stability: experimental.
    """

    user_weights: tuple[float, float] = option(
        default=(0.5, 0.0),
        check=_pair,
        values="two numbers of at least 0",
        doc="Of the users with the smallest and the largest mean loss; [a, b] in the paper.",
    )
    temperatures: tuple[float, float] = option(
        default=(0.2, 0.5),
        check=_pair_above_0,
        values="two numbers above 0",
        doc="Likewise; [a', b'].",
    )

    def create_state(self) -> None:
        num_users, _, num_pairs = self.sizes
        self.weight_of_user = self.add_state("weight_of_user", num_users, initializer="ones")
        self.weight_of_pair = self.add_state("weight_of_pair", num_pairs, initializer="ones")

    def reweight(self, user: np.ndarray, item: np.ndarray, loss: np.ndarray) -> None:
        mean, is_active = mean_by(user, loss, self.sizes[0])
        weight, temperature = np.ones(len(mean)), np.ones(len(mean))
        weight[is_active] = objectives.linear_by_rank(mean[is_active], *self.user_weights)
        temperature[is_active] = objectives.linear_by_rank(mean[is_active], *self.temperatures)
        self.weight_of_user.assign(weight)
        self.weight_of_pair.assign(
            weight[user] * objectives.softmax_within(-loss / temperature[user], user)
        )

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        row, is_known = self.rows(inputs)
        weight = ops.where(
            ops.logical_and(is_known, label > 0.5),
            ops.take(self.weight_of_pair, row, axis=0),
            ops.take(self.weight_of_user, inputs["user_id"], axis=0),
        )
        return weight * objectives.binary_cross_entropy(target_logits, label)
