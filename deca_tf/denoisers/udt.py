"""UDT: users differ in how much noise they make, and so do their interactions."""

import keras
import numpy as np
from keras import ops

from deca_tf._checks import check_range
from deca_tf.denoisers import objectives
from deca_tf.denoisers.loss_reweighting import LossReweighting, mean_by


@keras.saving.register_keras_serializable(package="deca_tf")
class UDT(LossReweighting):
    """Unified denoising training: a weight for each user and, within a user, for each interaction.

    After each epoch users are ranked by their mean loss. The rank gives a weight and a temperature,
    both linearly. A positive weighs `user's weight * n * softmax over the user's n positives of
    (-loss / user's temperature)`, a negative its user's weight.

    Source: Chua et al., "Unified denoising training for recommendation", RecSys 2024; defaults of
    its released code.
    Differs: see `LossReweighting`; so a user's mean loss is over positives, there over all that was
    trained on.

    Args:
        user_weights: of the users with the smallest and the largest mean loss, both at least 0; [a,
            b] in the paper.
        temperatures: likewise, both above 0; [a', b'].
        warm_up_epochs: of normal training.
    """

    def __init__(
        self, user_weights=(0.5, 0.0), temperatures=(0.2, 0.5), warm_up_epochs=2, **kwargs
    ):
        super().__init__(warm_up_epochs=warm_up_epochs, **kwargs)
        self.user_weights = _pair("user_weights", user_weights)
        self.temperatures = _pair("temperatures", temperatures)
        if min(self.temperatures) == 0:
            raise ValueError(
                f"`temperatures` must be above 0. Received: temperatures={temperatures!r}."
            )

    def create_state(self):
        num_users, _, num_pairs = self.sizes
        self.weight_of_user = self.add_state("weight_of_user", num_users, initializer="ones")
        self.weight_of_pair = self.add_state("weight_of_pair", num_pairs, initializer="ones")

    def look_back(self, user, item, loss):
        mean, is_active = mean_by(user, loss, self.sizes[0])
        weight, temperature = np.ones(len(mean)), np.ones(len(mean))
        weight[is_active] = objectives.linear_by_rank(mean[is_active], *self.user_weights)
        temperature[is_active] = objectives.linear_by_rank(mean[is_active], *self.temperatures)
        self.weight_of_user.assign(weight)
        self.weight_of_pair.assign(
            weight[user] * objectives.softmax_within(-loss / temperature[user], user)
        )

    def compute_loss(self, phase, inputs, label, target_logits, update):
        row, is_known = self.rows(inputs)
        weight = ops.where(
            ops.logical_and(is_known, label > 0.5),
            ops.take(self.weight_of_pair, row, axis=0),
            ops.take(self.weight_of_user, inputs["user_id"], axis=0),
        )
        return weight * objectives.binary_cross_entropy(target_logits, label)

    def get_config(self):
        pairs = {"user_weights": list(self.user_weights), "temperatures": list(self.temperatures)}
        return {**super().get_config(), **pairs}


def _pair(name, values):
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        raise ValueError(f"`{name}` must be two numbers. Received: {name}={values!r}.")
    return tuple(check_range(name, value, 0) for value in values)
