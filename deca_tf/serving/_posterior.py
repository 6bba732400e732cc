"""Eq. (16) in the graph that is shipped."""

import tensorflow as tf

from deca_tf.serving._tracing import Untracked, trace


class Posterior(tf.Module):
    """P(real preference | observed) of the pairs of a trained denoiser.

    Args:
        denoiser: `Denoiser` with a posterior of its own.
        num_users: of the model.
    """

    def __init__(self, denoiser, num_users):
        super().__init__(name="posterior")
        self._last_user = num_users - 1
        ids, probabilities = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)
        traced = trace(
            lambda users, items, prob: denoiser.posterior(
                {"user_id": users, "item_id": items}, prob
            ),
            [ids, ids, probabilities],
            "`denoiser.posterior`",
            denoiser,
        )
        self.weights = traced.variables
        self._traced = Untracked(traced)

    def __call__(self, rows, item_ids, probability):
        """From rows, item ids and the model's probabilities, each `(batch,)`, to `(batch,)`."""
        return self._traced.value(tf.minimum(rows, self._last_user), item_ids, probability)
