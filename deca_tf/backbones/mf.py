"""Matrix factorization: the dot product of a user and an item vector."""

from dataclasses import KW_ONLY

import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import asks_for_most_cells, cells_of_product, normal
from deca_tf.backbones.factorized import Factorized
from deca_tf.embeddings.lookups import look_up
from deca_tf.parts.options import OneOf, option


class MF(Factorized):
    """Matrix factorization, `logit = p_u . q_i [+ b_i] [+ b_u]`; the product may be a cosine.

    Paper: section 3.1, the auxiliary model g and, in section 3.2, h and h'; Koren et al., 2009.

    Example:
        >>> model = MF(num_users=3, num_items=4, item_bias=True)
        >>> model({"user_id": np.array([0, 2]), "item_id": np.array([3, 1])}).shape
        TensorShape([2])

    Stability: stable.
    """

    _: KW_ONLY
    embedding_dim: int = option(default=32, search=OneOf(16, 32, 64), doc="Length of the vectors.")
    item_bias: bool = option(
        default=False,
        search=OneOf(False, True),
        doc="Adds a bias per item, which carries popularity and so frees the vectors from it.",
    )
    user_bias: bool = option(
        default=False,
        doc="Adds a bias per user. It changes no ranking, only the calibration of the score.",
    )
    embedding_stddev: float = option(
        default=0.01,
        low=0,
        doc="Standard deviation of the initial vectors; biases start at zero.",
    )

    def setup(self) -> None:
        super().setup()
        users, items, dim = self.num_users, self.num_items, self.embedding_dim
        self.user_table = self.add_table(
            "user_embedding", (users, dim), normal(self.embedding_stddev)
        )
        self.item_table = self.add_table(
            "item_embedding", (items, dim), normal(self.embedding_stddev)
        )
        self.item_bias_table = self.add_table("item_bias", (items,)) if self.item_bias else None
        self.user_bias_table = self.add_table("user_bias", (users,)) if self.user_bias else None

    def call(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        users, items = inputs["user_id"], inputs["item_id"]
        if asks_for_most_cells(users, self.num_users, self.num_items):
            logits = self.interact_by_product(users, items)
        else:
            vectors = (look_up(self.user_table, users), look_up(self.item_table, items))
            directed = (self.directed(self.computed(each)) for each in vectors)
            logits = self.as_logits(self.interact(*directed))
        for offset in (self._item_bias(items), self.item_offset(items)):
            if offset is not None:
                logits += offset
        if self.user_bias:
            logits += look_up(self.user_bias_table, users)
        return logits

    def interact(self, user_vectors: tf.Tensor, item_vectors: tf.Tensor) -> tf.Tensor:
        """Two `(..., embedding_dim)` tensors to logits `(...)`."""
        return ops.sum(user_vectors * item_vectors, axis=-1)

    def interact_by_product(self, users: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """As `interact` of the ids' vectors, by a product of both tables; ids are of one shape."""
        queries, candidates = self._directed_tables()
        return cells_of_product(queries, candidates, users, items)

    def _directed_tables(self):
        tables = map(ops.convert_to_tensor, (self.user_table, self.item_table))
        return tuple(map(self.directed, tables))

    def _item_bias(self, item_ids=None):
        """Of items, or of all; None where there is none."""
        if not self.item_bias:
            return None
        if item_ids is None:
            return ops.convert_to_tensor(self.item_bias_table)
        return look_up(self.item_bias_table, item_ids)

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        vectors = self.directed(look_up(self.user_table, user_ids))
        ones = ops.ones_like(vectors[:, :1])
        offset = look_up(self.user_bias_table, user_ids)[:, None] if self.user_bias else 0.0 * ones
        return ops.concatenate([vectors, ones, offset], axis=1)

    def candidate_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        return self._candidates(look_up(self.item_table, item_ids), item_ids)

    def embed_both(
        self, user_ids: tf.Tensor, item_ids: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `Backbone.embed_both`; of the whole catalogue without looking up each of its rows."""
        if item_ids is not None:
            return super().embed_both(user_ids, item_ids, training)
        items = self._candidates(ops.convert_to_tensor(self.item_table))
        return self.query_embedding(user_ids), items

    def _candidates(self, vectors, item_ids=None):
        """Items' side of the score, from their rows; without ids, of all."""
        vectors = self.directed(vectors)
        ones, offset = ops.ones_like(vectors[:, :1]), ops.zeros_like(vectors[:, 0])
        for each in (self._item_bias(item_ids), self.item_offset(item_ids)):
            if each is not None:
                offset += each
        return ops.concatenate([vectors, offset[:, None], ones], axis=1)
