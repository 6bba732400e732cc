"""CDAE: a denoising autoencoder of users' histories."""

from dataclasses import KW_ONLY
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import Backbone, asks_for_most_cells, cells_of_product, normal
from deca_tf.data.hashing import mixed_bits
from deca_tf.data.interactions import Interactions
from deca_tf.data.ragged import values_of_rows
from deca_tf.embeddings.row_sums import gather_bounded, gather_summed
from deca_tf.parts.options import Between, OneOf, option

MOST_CELLS = 2**22  # users x items of a data set of which every batch encodes all users


class CDAE(Backbone):
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
    num_edges: int | None = option(
        default=None, hidden=True, doc="Interactions in the histories, set by `adapt`."
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
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        if self.num_edges is not None:
            self._add_histories(self.num_edges)

    def _add_histories(self, num_edges):
        self.num_edges = num_edges
        constants = {
            "items_of_users": num_edges,
            "user_degree": self.num_users,
            "item_degree": self.num_items,
        }
        # What follows from the degrees, so that no update works it out anew.
        constants |= (
            {"user_of_edge": num_edges} if self.supports_jit else {"first_edge": self.num_users}
        )
        for name, length in constants.items():
            weight = self.add_weight(
                name=name, shape=(length,), dtype="int32", initializer="zeros", trainable=False
            )
            setattr(self, name, weight)

    def adapt(self, interactions: Interactions) -> None:
        """Takes the histories from `interactions`, normally `split.train`; a pair counts once."""
        histories = self.check_adapts(interactions, self.num_edges)
        if self.num_edges is None:
            self._add_histories(histories.nnz)
        self.items_of_users.assign(histories.indices)
        self.user_degree.assign(np.diff(histories.indptr))
        self.item_degree.assign(np.bincount(histories.indices, minlength=self.num_items))
        if self.supports_jit:
            self.user_of_edge.assign(histories.tocoo().row)
        else:
            self.first_edge.assign(histories.indptr[:-1])

    @property
    def needs_data(self) -> bool:  # type: ignore[override]
        return self.num_edges is None

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
        if self.num_edges is None:
            raise RuntimeError(
                "CDAE must be given the histories before it is called: `model.adapt(split.train)`."
            )
        degree, own = tf.convert_to_tensor(self.user_degree), tf.convert_to_tensor(self.user_table)
        if self.supports_jit:
            return self._hidden(self._sums_of_all(training), degree, own, training), user_ids
        user_ids = tf.convert_to_tensor(user_ids)
        users, place = tf.unique(tf.reshape(user_ids, (-1,)))
        length = tf.gather(degree, users)
        first = tf.gather(tf.convert_to_tensor(self.first_edge), users)
        sums = self._sums(*values_of_rows(first, length), tf.size(users), training)
        own = gather_bounded(own, users, user_ids.shape.num_elements())
        return self._hidden(sums, length, own, training), tf.reshape(place, tf.shape(user_ids))

    def _sums(self, rows, positions, num_rows, training):
        """Sums of the encoder's vectors over the edges at `positions`, by their rows, sorted."""
        items = tf.gather(tf.convert_to_tensor(self.items_of_users), positions)
        if training and self.corruption:
            kept = self._draw_kept(positions)
            items, rows = tf.boolean_mask(items, kept), tf.boolean_mask(rows, kept)
        return tf.raw_ops.SparseSegmentSumWithNumSegments(
            data=self._scaled_encoder(), indices=items, segment_ids=rows, num_segments=num_rows
        )

    def _sums_of_all(self, training):
        """As `_sums`, of all users."""
        users = tf.convert_to_tensor(self.user_of_edge)
        if training and self.corruption:
            users = tf.where(
                self._draw_kept(tf.range(self.num_edges)), users, -1
            )  # a sum of no user is left out
        taken = tf.gather(self._scaled_encoder(), tf.convert_to_tensor(self.items_of_users))
        return tf.math.unsorted_segment_sum(taken, users, self.num_users)

    def _draw_kept(self, positions):
        """Which edges are left of the histories.

        The same in a batch of all users and in one of some.

        A hash, for XLA's own generator takes longer than all the rest of an update.
        """
        key = tf.cast(self.seed_generator.next(), tf.uint32)
        bits = mixed_bits(mixed_bits(tf.cast(positions, tf.uint32) ^ key[0]) ^ key[1])
        return bits >= tf.constant(round(self.corruption * 2**32), tf.uint32)

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

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        hidden = self.encode(user_ids)
        return ops.concatenate([hidden, ops.ones_like(hidden[:, :1])], axis=1)

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
        hidden = ops.tanh(scale * sums + own + self.encoder_bias)
        return ops.concatenate([hidden, ops.ones_like(hidden[:, :1])], axis=1)

    def candidate_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        bias = ops.take(self.decoder_bias, item_ids, axis=0)[:, None]
        return ops.concatenate([ops.take(self.decoder_table, item_ids, axis=0), bias], axis=1)

    # Keras does not save what its seed generators have come to: training that goes on would repeat
    # itself.

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["corruption_state"] = self.seed_generator.state

    def load_own_variables(self, store: Any) -> None:
        weights = {key: store[key] for key in store.keys()}  # noqa: SIM118 - no mapping
        state = weights.pop("corruption_state", None)
        super().load_own_variables(weights)
        if state is not None:
            self.seed_generator.state.assign(state)


def _uniform(inputs):
    """Uniform in +-1 / sqrt(inputs)."""
    bound = inputs**-0.5
    return lambda seed: keras.initializers.RandomUniform(-bound, bound, seed=seed)


def _fourth_root_inverse(degree, dtype):
    """`degree ** -1/4` with one axis more, 0 where the degree is."""
    degree = tf.cast(degree, dtype)
    return tf.where(degree > 0, tf.maximum(degree, 1.0) ** -0.25, 0.0)[..., None]
