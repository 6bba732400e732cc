"""Generalized matrix factorization: a learned weighting of the element-wise product."""

import keras
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import cells_of_product
from deca_tf.backbones.mf import MF


class GMF(MF):
    """Generalized matrix factorization, `logit = (p_u * q_i) . w + b [+ b_i] [+ b_u]`.

    Paper: section 4.1.3, the target model f; He et al., "Neural Collaborative Filtering", 2017.
    Under `cosine` p and q are divided by their lengths before they are weighed.
    `w` starts uniform in +-sqrt(3 / embedding_dim) and `b` at zero, as in the released code.

    Stability: stable.
    """

    def setup(self) -> None:
        super().setup()
        self.output_weight = self.add_table(
            "output_weight",
            (self.embedding_dim, 1),
            lambda seed: keras.initializers.VarianceScaling(1.0, "fan_in", "uniform", seed=seed),
        )
        self.output_bias = self.add_table("output_bias", (1,))

    def interact(self, user_vectors: tf.Tensor, item_vectors: tf.Tensor) -> tf.Tensor:
        weight, bias = self.computed(self.output_weight), self.computed(self.output_bias)
        return ops.squeeze(ops.matmul(user_vectors * item_vectors, weight), -1) + bias[0]

    def interact_by_product(self, users: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        user_vectors, item_vectors = self._directed_tables()
        weighted = item_vectors * self.output_weight[:, 0]
        return cells_of_product(user_vectors, weighted, users, items) + self.output_bias[0]

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        # The constant goes to the user's side, so that the item table stays the same for every
        # query.
        query = super().query_embedding(user_ids)
        return ops.concatenate([query[:, :-1], query[:, -1:] + self.output_bias], axis=1)

    def _candidates(self, vectors, item_ids=None):
        candidate = super()._candidates(vectors, item_ids)
        weighted = candidate[:, : self.embedding_dim] * self.output_weight[:, 0]
        return ops.concatenate([weighted, candidate[:, self.embedding_dim :]], axis=1)
