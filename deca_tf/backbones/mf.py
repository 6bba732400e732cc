"""Matrix factorization: the dot product of a user and an item vector."""

import keras
from keras import ops

from deca_tf._checks import check_flag, check_integer, check_range
from deca_tf.backbones.backbone import Backbone, asks_for_most_cells, cells_of_product, normal
from deca_tf.embeddings.lookups import look_up


@keras.saving.register_keras_serializable(package="deca_tf")
class MF(Backbone):
    """Matrix factorization, `logit = p_u . q_i [+ b_i] [+ b_u]`.

    Paper: section 3.1, the auxiliary model g and, in section 3.2, h and h'; Koren et al., 2009.

    Args:
        num_users: size of the user id space.
        num_items: size of the item id space.
        embedding_dim: length of the vectors.
        item_bias: adds a bias per item, which carries popularity and so frees the vectors from it.
        user_bias: adds a bias per user. It changes no ranking, only the calibration of the score.
        embedding_stddev: standard deviation of the initial vectors; biases start at zero.
        seed: integer that fixes the initial weights.

    Example:
        >>> model = MF(num_users=3, num_items=4, item_bias=True)
        >>> model({"user_id": np.array([0, 2]), "item_id": np.array([3, 1])}).shape
        TensorShape([2])
    """

    def __init__(
        self,
        num_users,
        num_items,
        *,
        embedding_dim=32,
        item_bias=False,
        user_bias=False,
        embedding_stddev=0.01,
        seed=0,
        **kwargs,
    ):
        super().__init__(num_users, num_items, seed=seed, **kwargs)
        self.embedding_dim = check_integer("embedding_dim", embedding_dim)
        self.item_bias = check_flag("item_bias", item_bias)
        self.user_bias = check_flag("user_bias", user_bias)
        self.embedding_stddev = check_range("embedding_stddev", embedding_stddev, 0)
        users, items, dim = self.num_users, self.num_items, self.embedding_dim
        self.user_table = self.add_table(
            "user_embedding", (users, dim), normal(self.embedding_stddev)
        )
        self.item_table = self.add_table(
            "item_embedding", (items, dim), normal(self.embedding_stddev)
        )
        self.item_bias_table = self.add_table("item_bias", (items,)) if self.item_bias else None
        self.user_bias_table = self.add_table("user_bias", (users,)) if self.user_bias else None

    def call(self, inputs):
        users, items = inputs["user_id"], inputs["item_id"]
        if asks_for_most_cells(users, self.num_users, self.num_items):
            logits = self.interact_by_product(users, items)
        else:
            logits = self.interact(look_up(self.user_table, users), look_up(self.item_table, items))
        if self.item_bias:
            logits += look_up(self.item_bias_table, items)
        if self.user_bias:
            logits += look_up(self.user_bias_table, users)
        return logits

    def interact(self, user_vectors, item_vectors):
        """Two `(..., embedding_dim)` tensors to logits `(...)`."""
        return ops.sum(user_vectors * item_vectors, axis=-1)

    def interact_by_product(self, users, items):
        """As `interact` of the vectors of ids, two tensors of one shape, by a product of both tables."""
        return cells_of_product(self.user_table, self.item_table, users, items)

    def query_embedding(self, user_ids):
        vectors = look_up(self.user_table, user_ids)
        ones = ops.ones_like(vectors[:, :1])
        offset = look_up(self.user_bias_table, user_ids)[:, None] if self.user_bias else 0.0 * ones
        return ops.concatenate([vectors, ones, offset], axis=1)

    def candidate_embedding(self, item_ids):
        vectors = look_up(self.item_table, item_ids)
        ones = ops.ones_like(vectors[:, :1])
        bias = look_up(self.item_bias_table, item_ids)[:, None] if self.item_bias else 0.0 * ones
        return ops.concatenate([vectors, bias, ones], axis=1)

    @classmethod
    def search_space(cls, hp):
        return {
            **super().search_space(hp),
            "item_bias": hp.Boolean("backbone.item_bias", default=False),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "item_bias": self.item_bias,
            "user_bias": self.user_bias,
            "embedding_stddev": self.embedding_stddev,
        }
