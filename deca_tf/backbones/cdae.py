"""CDAE: a denoising autoencoder of users' histories."""

from dataclasses import KW_ONLY

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import asks_for_most_cells, cells_of_product, normal
from deca_tf.backbones.histories import EncodesHistories
from deca_tf.embeddings.row_sums import gather_bounded, gather_summed
from deca_tf.parts.options import Between, OneOf, option

MOST_CELLS = 2**22  # users x items of a data set of which every batch encodes all users


class CDAE(EncodesHistories):
    """Collaborative denoising autoencoder of each user's history.

    `logit = d_i . tanh(sum over j in history of x_uj e_j + v_u + b) + c_i`.

    Paper: section 4.1.3; Wu et al., "Collaborative Denoising Auto-Encoders", WSDM 2016. In training
    each item of a history is left out with probability `corruption`, and the others count `1 / (1 -
    corruption)`. As in the DeCA paper's released code `x_uj = (degree of u * degree of j) ** -1/4`,
    the activation is tanh, and initial weights are those of PyTorch's layers.

    Each user of a batch is encoded once, however many pairs are asked of it: train it on
    `training_batches_by_user`, as `DeCAModel.fit` does. On a small data set every batch encodes all
    users: it has most of
    them anyway, and then shapes are fixed, so that XLA can compile the whole update.

    Differs: degrees are those of the whole training data. The released code takes the items' from
    the batch, so that a score depends on who else is in it.

    Raises:
        RuntimeError: called before `adapt(split.train)`.

    Stability: stable.
    """

    users_per_batch = 256

    _: KW_ONLY
    embedding_dim: int = option(
        default=32, search=OneOf(16, 32, 64), doc="Units of the hidden layer."
    )
    corruption: float = option(
        default=0.5,
        low=0,
        below=1,
        search=Between(0.0, 0.8, step=0.1),
        doc="Probability that an item of the history is left out in training.",
    )

    def setup(self) -> None:
        self.supports_jit = (
            self.num_users * self.num_items <= MOST_CELLS
        )  # else shapes depend on the batch's users
        users, items, dim = self.num_users, self.num_items, self.embedding_dim
        self.user_table = self.add_table("user_embedding", (users, dim), normal(1.0))
        self.encoder_table = self.add_table("encoder", (items, dim), _uniform(items))
        self.encoder_bias = self.add_table("encoder_bias", (dim,), _uniform(items))
        self.decoder_table = self.add_table("decoder", (items, dim), _uniform(dim))
        self.decoder_bias = self.add_table("decoder_bias", (items,), _uniform(dim))
        super().setup()

    def _add_histories(self, num_edges):
        super()._add_histories(num_edges)
        self._add_constant("item_degree", self.num_items)

    def _take_in(self, histories, interactions):
        super()._take_in(histories, interactions)
        self.item_degree.assign(np.bincount(histories.indices, minlength=self.num_items))

    def encode(self, user_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Hidden vectors of users, `(batch,)` to `(batch, dim)`.

        Each is worked out once, where it comes up again.
        """
        hidden, place = self._encode_distinct(user_ids, training)
        return tf.gather(hidden, place)

    def _encode_distinct(self, user_ids, training):
        """Hidden vectors of some users `(n, dim)`, each once, and which one is whose.

        The latter has the shape of the ids.
        """
        if self.supports_jit:
            self.check_adapted()
            degree = tf.convert_to_tensor(self.user_degree)
            own = tf.convert_to_tensor(self.user_table)
            return self._hidden(self._sums_of_all(training), degree, own, training), user_ids
        user_ids = tf.convert_to_tensor(user_ids)
        users, place = tf.unique(tf.reshape(user_ids, (-1,)))
        histories = self.histories_of(users)
        sums = self._sums(histories, tf.size(users), training)
        length = tf.gather(tf.convert_to_tensor(self.user_degree), users)
        own = tf.convert_to_tensor(self.user_table)
        own = gather_bounded(own, users, user_ids.shape.num_elements())
        return self._hidden(sums, length, own, training), tf.reshape(place, tf.shape(user_ids))

    def _sums(self, histories, num_rows, training):
        """Sums of the encoder's vectors over histories."""
        items, rows = histories.item_id, histories.row
        if training and self.corruption:
            kept = self.draw_kept()(histories.position)
            items, rows = tf.boolean_mask(items, kept), tf.boolean_mask(rows, kept)
        return tf.raw_ops.SparseSegmentSumWithNumSegments(
            data=self._scaled_encoder(), indices=items, segment_ids=rows, num_segments=num_rows
        )

    def _sums_of_all(self, training):
        """As `_sums`, of all users."""
        users = tf.convert_to_tensor(self.user_of_edge)
        if training and self.corruption:
            users = tf.where(
                self.draw_kept()(tf.range(self.num_edges)), users, -1
            )  # a sum of no user is left out
        taken = tf.gather(self._scaled_encoder(), tf.convert_to_tensor(self.items_of_users))
        return tf.math.unsorted_segment_sum(taken, users, self.num_users)

    def _scaled_encoder(self):
        return ops.convert_to_tensor(self.encoder_table) * _fourth_root_inverse(
            self.item_degree, self.variable_dtype
        )

    def _hidden(self, sums, degree, own, training):
        scale = _fourth_root_inverse(degree, self.variable_dtype)
        if training:
            scale /= 1.0 - self.corruption
        return ops.tanh(scale * sums + own + self.encoder_bias)

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        hidden, place = self._encode_distinct(inputs["user_id"], training)
        items = inputs["item_id"]
        if asks_for_most_cells(items, self.num_users, self.num_items):
            logits = cells_of_product(hidden, self.decoder_table, place, items)
        else:
            logits = ops.sum(
                gather_summed(hidden, place) * ops.take(self.decoder_table, items, axis=0), axis=-1
            )
        return logits + ops.take(self.decoder_bias, items, axis=0)

    def embed_both(
        self, user_ids: tf.Tensor, item_ids: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `Backbone.embed_both`, of corrupted histories in training."""
        if item_ids is None:
            item_ids = ops.arange(self.num_items, dtype="int32")
        return _with_one(self.encode(user_ids, training)), self.candidate_embedding(item_ids)

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        return _with_one(self.encode(user_ids))

    def history_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        """As `encode`, for unknown users: the mean of the users' own vectors takes their place."""
        is_item = item_ids < self.num_items
        items = tf.where(is_item, item_ids, 0)
        degree = tf.gather(tf.convert_to_tensor(self.item_degree), items)
        taken = ops.take(self.encoder_table, items, axis=0) * _fourth_root_inverse(
            degree, self.variable_dtype
        )
        sums = tf.reduce_sum(tf.where(is_item[..., None], taken, 0.0), axis=1)
        scale = _fourth_root_inverse(
            tf.reduce_sum(tf.cast(is_item, tf.int32), axis=1), self.variable_dtype
        )
        with tf.init_scope():  # once, also where this is traced into a graph
            own = np.mean(ops.convert_to_numpy(self.user_table), axis=0)
        return _with_one(ops.tanh(scale * sums + own + self.encoder_bias))

    def candidate_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        bias = ops.take(self.decoder_bias, item_ids, axis=0)[:, None]
        return ops.concatenate([ops.take(self.decoder_table, item_ids, axis=0), bias], axis=1)


def _with_one(hidden):
    """Hidden vectors with what the items' bias is multiplied by."""
    return ops.concatenate([hidden, ops.ones_like(hidden[:, :1])], axis=1)


def _uniform(inputs):
    """Uniform in +-1 / sqrt(inputs)."""
    bound = inputs**-0.5
    return lambda seed: keras.initializers.RandomUniform(-bound, bound, seed=seed)


def _fourth_root_inverse(degree, dtype):
    """`degree ** -1/4` with one axis more, 0 where the degree is."""
    degree = tf.cast(degree, dtype)
    return tf.where(degree > 0, tf.maximum(degree, 1.0) ** -0.25, 0.0)[..., None]
