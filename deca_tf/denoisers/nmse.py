"""NMSE: the squared error between a user's normalised history and what the model makes of it."""

import tensorflow as tf
from keras import ops

from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.denoisers.user_scores import UserScores
from deca_tf.parts.options import option


class NMSE(Denoiser):
    """Normalised squared error of whole users, ELSA's loss.

    `|y / |y| - s / |s||^2` of each user, over all items: s are the scores of all items and y the
    targets of his clicks, 0 elsewhere. A target is the click's weight, 1 where the interactions
    have none: a weight below 1 is a soft label, that of a click which is doubted.

    Source: Vancura et al., RecSys 2022 (ELSA). Every user counts alike, however long his history.
    Differs: beyond 20,000 items the length of the scores is estimated by a pool of items, see
    `UserScores`. Users with one click, who have no gradient where an item is not learned from
    itself, are left out.

    Monitored are means of `s / |s|` over a user's clicks and over other items.

    Stability: provisional.
    """

    layout = "users"
    gives_probabilities = False
    fewest_clicks = 2

    pool_size: int | None = option(
        default=None,
        doc="Items that stand for the catalogue in an update; unset: all up to 20,000 items, 4,096 "
        "beyond.",
    )

    def compute_user_loss(self, phase: str, scores: UserScores, update: tf.Tensor) -> tf.Tensor:
        return objectives.normalized_squared_error(
            scores.sum_over_clicks(scores.target * scores.logits),
            scores.length,
            ops.sqrt(scores.sum_over_clicks(ops.square(scores.target)) + 1e-12),
        )

    def read_users(self, scores: UserScores) -> tuple[tf.Tensor, tf.Tensor]:
        of_all = scores.sum_over_items(lambda logits: logits)
        return (
            scores.mean_of_clicks(scores.logits) / scores.length,
            scores.mean_of_others(of_all, scores.logits) / scores.length,
        )
