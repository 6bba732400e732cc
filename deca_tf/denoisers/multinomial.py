"""Multinomial: a user's clicks as draws from one distribution over the catalogue."""

import tensorflow as tf

from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.denoisers.user_scores import UserScores
from deca_tf.parts.options import option


class Multinomial(Denoiser):
    """Multinomial likelihood of whole users, the loss of Mult-VAE and Mult-DAE.

    `-sum over clicks of y_i log p_i`, p the softmax of a user's scores over all items and y the
    clicks' weights, 1 where the interactions have none. All items compete, so that a model learns
    an order and no probabilities of clicks.

    Source: Liang et al., "Variational autoencoders for collaborative filtering", WWW 2018, Eq. (2).
    With CDAE this is Mult-DAE but for the user's own vector. Differs: beyond 20,000 items the sum
    under the softmax is estimated by a pool of items, see `UserScores`.

    Monitored are the mean p of a user's clicks and of other items.

    Stability: provisional.
    """

    layout = "users"
    gives_probabilities = False

    pool_size: int | None = option(
        default=None,
        doc="Items that stand for the catalogue in an update; unset: all up to 20,000 items, 4,096 "
        "beyond.",
    )

    def compute_user_loss(self, phase: str, scores: UserScores, update: tf.Tensor) -> tf.Tensor:
        return objectives.multinomial_negative_log_likelihood(
            scores.log_sum_exp,
            scores.sum_over_clicks(scores.target),
            scores.sum_over_clicks(scores.target * scores.logits),
        )
