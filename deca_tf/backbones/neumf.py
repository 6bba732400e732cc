"""Neural matrix factorization: GMF and a multi-layer perceptron side by side."""

from dataclasses import KW_ONLY

import keras
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import Backbone, all_products, normal
from deca_tf.embeddings.lookups import look_up
from deca_tf.embeddings.row_sums import gather_summed
from deca_tf.parts.options import OneOf, option


class NeuMF(Backbone):
    """Neural matrix factorization, `logit = [p_u * q_i ; mlp([r_u ; s_i])] . w + b`.

    Paper: section 4.1.3; He et al., "Neural Collaborative Filtering", 2017. The sizes and initial
    weights are those of the DeCA paper's released code: each layer of the perceptron halves its
    input and the last one has `embedding_dim` units, so with the defaults r and s have 128 numbers
    and the layers 128, 64 and 32 units.

    A table's row holds both vectors of a user (or item), p first: one lookup, one optimizer slot.

    Stability: stable.
    """

    # One pass of what stands between two layers' products: a fifth to two fifths less time
    ranks_under_xla = True

    _: KW_ONLY
    embedding_dim: int = option(
        default=32,
        search=OneOf(16, 32, 64),
        doc="Length of p and q, and units of the last layer.",
    )
    mlp_layers: int = option(default=3, doc="Number of layers.")
    embedding_stddev: float = option(
        default=0.01, low=0, doc="Standard deviation of the initial vectors."
    )

    def setup(self) -> None:
        side = self.embedding_dim * 2 ** (self.mlp_layers - 1)  # length of r and of s
        row = self.embedding_dim + side
        self.user_table = self.add_table(
            "user_embedding", (self.num_users, row), normal(self.embedding_stddev)
        )
        self.item_table = self.add_table(
            "item_embedding", (self.num_items, row), normal(self.embedding_stddev)
        )
        self.kernels, self.biases = [], []
        for number in range(self.mlp_layers):
            units = side // 2**number
            self.kernels.append(self.add_table(f"kernel_{number}", (2 * units, units), _glorot))
            self.biases.append(self.add_table(f"bias_{number}", (units,)))
        self.output_weight = self.add_table("output_weight", (2 * self.embedding_dim, 1), _output)
        self.output_bias = self.add_table("output_bias", (1,))

    def call(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        users, items = inputs["user_id"], inputs["item_id"]
        first_kernels = ops.split(self.computed(self.kernels[0]), 2)
        products, hidden = 1.0, self.computed(self.biases[0])
        for table, ids, kernel in zip(
            (self.user_table, self.item_table), (users, items), first_kernels, strict=True
        ):
            rows = self.computed(look_up(table, ids))
            products *= rows[..., : self.embedding_dim]
            # The first layer adds up a user's and an item's part. A part that is cheaper worked out
            # for the whole table than for the batch, is.
            if ids.shape.is_fully_defined() and ids.shape.num_elements() > table.shape[0]:
                side = self.computed(table[:, self.embedding_dim :])
                hidden += ops.take(ops.matmul(side, kernel), ids, axis=0)
            else:
                hidden += ops.matmul(rows[..., self.embedding_dim :], kernel)
        gmf_weight, _ = ops.split(self.output_weight, 2)
        by_gmf = ops.matmul(products, self.computed(gmf_weight))
        logits = self.as_logits(by_gmf + self._perceptron(hidden))
        return ops.squeeze(logits, -1) + self.output_bias[0]

    def _perceptron(self, hidden):
        """From the first layer's sums `(..., units)` to its part of the logits, `(..., 1)`."""
        hidden = ops.relu(hidden)
        for kernel, bias in zip(self.kernels[1:], self.biases[1:], strict=True):
            kernel, bias = ops.cast(kernel, hidden.dtype), ops.cast(bias, hidden.dtype)
            hidden = ops.relu(ops.matmul(hidden, kernel) + bias)
        _, mlp_weight = ops.split(self.output_weight, 2)
        return ops.matmul(hidden, ops.cast(mlp_weight, hidden.dtype))

    def score_clicks(
        self,
        user_ids: tf.Tensor,
        item_ids: tf.Tensor,
        pool: int | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        users = self.computed(look_up(self.user_table, user_ids))
        if pool is None:
            candidates = self.computed(ops.convert_to_tensor(self.item_table))
            clicked = gather_summed(candidates, item_ids)
        else:
            items = self.computed(look_up(self.item_table, item_ids))
            clicked, candidates = items[:-pool], items[-pool:]
        dim = self.embedding_dim
        user_kernel, item_kernel = ops.split(self.computed(self.kernels[0]), 2)
        weighted = users[:, :dim] * self.computed(self.output_weight[:dim, 0])
        by_user = ops.matmul(users[:, dim:], user_kernel) + self.computed(self.biases[0])
        of_clicks = self._perceptron(by_user + ops.matmul(clicked[:, dim:], item_kernel))
        # Of each user and each candidate the layers behind the first one, which is a sum
        by_item = ops.matmul(candidates[:, dim:], item_kernel)
        of_candidates = self._perceptron(by_user[:, None] + by_item)
        clicks = ops.sum(weighted * clicked[:, :dim], axis=-1) + ops.squeeze(of_clicks, -1)
        others = all_products(weighted, candidates[:, :dim]) + ops.squeeze(of_candidates, -1)
        bias = self.output_bias[0]
        return self.as_logits(clicks) + bias, self.as_logits(others) + bias

    def score_all_items(self, user_ids: tf.Tensor) -> tf.Tensor:
        users = ops.take(self.user_table, user_ids, axis=0)
        user_kernel, item_kernel = ops.split(self.kernels[0], 2)
        gmf_weight, _ = ops.split(self.output_weight, 2)
        dim = self.embedding_dim
        by_gmf = ops.matmul(
            users[:, :dim], ops.transpose(self.item_table[:, :dim] * gmf_weight[:, 0])
        )
        by_user = ops.matmul(users[:, dim:], user_kernel) + self.biases[0]
        by_item = ops.matmul(self.item_table[:, dim:], item_kernel)
        # User by user, so that the layers of all items stay in a core's own cache.
        by_perceptron = tf.map_fn(
            lambda own: ops.squeeze(self._perceptron(own + by_item), -1),
            by_user,
            fn_output_signature=tf.TensorSpec((self.num_items,), by_user.dtype),
            # In a graph it is 10 otherwise, with the layers of as many in memory together
            parallel_iterations=1,
        )
        return by_gmf + by_perceptron + self.output_bias[0]


def _glorot(seed):
    return keras.initializers.GlorotUniform(seed=seed)


def _output(seed):
    """Uniform in +-sqrt(3 / inputs), as `GMF` starts."""
    return keras.initializers.VarianceScaling(1.0, "fan_in", "uniform", seed=seed)
