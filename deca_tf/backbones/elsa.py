"""ELSA: a linear autoencoder of users' histories whose weights are products of items' vectors."""

from dataclasses import KW_ONLY

import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import asks_for_most_cells, cells_of_product, normal
from deca_tf.backbones.histories import EncodesHistories, Histories, latest_of_pairs, split_items
from deca_tf.data.interactions import Interactions
from deca_tf.embeddings.lookups import look_up
from deca_tf.embeddings.row_sums import gather_summed
from deca_tf.parts.options import Between, OneOf, option

SECONDS_OF_DAY = 86_400
SPARSE_COST = 64  # of a cell of a sparse matrix in a product, in cells of a dense one
SHORTEST = 1e-12  # square of a vector's length


class ELSA(EncodesHistories):
    """Scalable linear shallow autoencoder, `logit = a_i . sum over j in history of x_uj a_j`.

    Source: Vancura et al., "Scalable Linear Shallow Autoencoder for Collaborative Filtering",
    RecSys 2022: `X (A A' - I)`, the rows of A of length 1. It has no vector of a user: whoever has
    a history has a score, and a user unknown to training the very one of a known user of that
    history. `x_uj` is 1, or less for an older click, see `half_life`.

    The `- I` takes from an item what it adds to its own score, `x_ui`, so that no item is learned
    from itself. Training leaves it out of the scores of the histories' items. Ranking and serving
    do not: these items are not recommended anyway, all other scores are the same, and the score
    stays a product of two vectors.

    Its own denoiser is `NMSE`, which it has from `DeCAModel(target)` too. Under `LazyAdam`, and on
    a catalogue of which an update takes a pool, an update reads and moves only the rows of the
    batch's items and of the pool.

    Differs: initial vectors are of about length 1, whatever the number of items, so that a learning
    rate means the same on any catalogue; `corruption`.

    Raises:
        RuntimeError: called before `adapt(split.train)`.
        ValueError: `half_life` is set and the interactions of `adapt` have no times.

    Example:
        >>> target = ELSA(split.num_users, split.num_items, embedding_dim=16)
        >>> recommender = deca_tf.DeCAModel(target)
        >>> recommender.compile(deca_tf.optimizers.Adam(0.1))
        >>> history = recommender.fit(split.train, epochs=2, verbose=0)
        >>> target.history_embedding(np.array([[0, 3]])).shape
        TensorShape([1, 16])

    Stability: provisional.
    """

    users_per_batch = 128
    default_denoiser = "nmse"

    _: KW_ONLY
    embedding_dim: int = option(
        default=256, search=OneOf(64, 128, 256), doc="Length of the vectors."
    )
    corruption: float = option(
        default=0.3,
        low=0,
        below=1,
        search=Between(0.0, 0.8, step=0.1),
        doc="Probability that an item of the history is left out in training; 0 in the paper.",
    )
    half_life: float | None = option(
        default=None,
        above=0,
        doc="Days in which a click comes to count half in its user's history, from the newest click "
        "of training back; unset: all count 1. A history that a request brings has no times: its "
        "items count 1.",
    )

    def setup(self) -> None:
        self.supports_jit = False  # shapes depend on the batch's users
        shape = (self.num_items, self.embedding_dim)
        self.item_table = self.add_table("item_embedding", shape, normal(self.embedding_dim**-0.5))
        super().setup()

    def _add_histories(self, num_edges):
        super()._add_histories(num_edges)
        if self.half_life is not None:
            self._add_constant("value_of_edge", num_edges, "float32")

    def _take_in(self, histories, interactions):
        if self.half_life is not None:
            self.value_of_edge.assign(_decayed(interactions, self.half_life))
        super()._take_in(histories, interactions)

    def adapt(self, interactions: Interactions) -> None:
        """As `EncodesHistories.adapt`; of a repeated pair the newest time counts."""
        if self.half_life is not None and interactions.timestamp is None:
            raise ValueError(
                "`half_life` must be unset where the interactions have no times. Received: "
                f"half_life={self.half_life:g}. Leave it out, or read the times: `timestamp_column` "
                "of `deca_tf.load_split`."
            )
        super().adapt(interactions)

    def _values(self, position, is_kept):
        """What items count in their histories, `(n,)`.

        Args:
            position: int32 `(n,)`.
            is_kept: by `draw_kept`; None: all are.
        """
        values = tf.ones(tf.shape(position), self.variable_dtype)
        if self.half_life is not None:
            values = tf.gather(tf.convert_to_tensor(self.value_of_edge), position)
            values = ops.cast(values, self.variable_dtype)
        if is_kept is not None:
            values = tf.where(is_kept(position), values / (1.0 - self.corruption), 0.0)
        return values

    def _corrupts(self, training):
        return self.draw_kept() if training and self.corruption else None

    def encode_histories(
        self, histories: Histories, item_ids: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor, tf.Tensor | None]:
        values = self._values(histories.position, self._corrupts(training))
        num_users = tf.size(histories.user_id)
        if item_ids is not None:
            clicked, others = split_items(self.candidate_embedding(item_ids), histories)
            queries = _sums(clicked, values, histories.row, num_users)
            return queries, clicked, others, values
        items = _of_length_1(ops.convert_to_tensor(self.item_table))
        cells = tf.stack([histories.row, histories.item_id], axis=1)
        shape = num_users, self.num_items
        if (self.num_edges or 0) * SPARSE_COST > self.num_users * self.num_items:
            queries = tf.matmul(tf.scatter_nd(cells, values, shape), items)
        else:
            matrix = tf.SparseTensor(tf.cast(cells, tf.int64), values, shape)
            queries = tf.sparse.sparse_dense_matmul(matrix, items)
        return queries, None, items, values

    def embed_both(
        self, user_ids: tf.Tensor, item_ids: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `Backbone.embed_both`, of corrupted histories in training."""
        if item_ids is None:
            item_ids = ops.arange(self.num_items, dtype="int32")
        queries, place = self._encode_distinct(user_ids, self._corrupts(training))
        return gather_summed(queries, place), self.candidate_embedding(item_ids)

    def score_clicks(
        self,
        user_ids: tf.Tensor,
        item_ids: tf.Tensor,
        pool: int | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `Backbone.score_clicks`; in training without what an item adds to its own score."""
        if not training:
            return super().score_clicks(user_ids, item_ids, pool)
        is_kept, histories = self._corrupts(training), self.histories_of(user_ids)
        queries, place = self._encode_distinct(user_ids, is_kept)
        queries = gather_summed(queries, place)
        if pool is None:
            clicks, candidates = item_ids, _of_length_1(ops.convert_to_tensor(self.item_table))
            clicked, column = gather_summed(candidates, clicks), histories.item_id
            is_there = tf.ones_like(column, tf.bool)
        else:
            clicks, drawn = tf.split(item_ids, [tf.size(item_ids) - pool, pool])
            clicked, candidates = tf.split(
                self.candidate_embedding(item_ids), [tf.size(clicks), pool]
            )
            order = tf.argsort(drawn)
            place = tf.searchsorted(tf.gather(drawn, order), histories.item_id)
            column = tf.gather(order, tf.minimum(place, pool - 1))
            is_there = tf.gather(drawn, column) == histories.item_id
        own = self._values(histories.position, is_kept)
        others = tf.tensor_scatter_nd_sub(
            tf.matmul(queries, candidates, transpose_b=True),
            tf.stack([histories.row, column], axis=1),
            tf.where(is_there, own, tf.zeros_like(own)),
        )
        return ops.sum(queries * clicked, axis=-1) - self._own_scores(
            user_ids, clicks, is_kept
        ), others

    def _own_scores(self, user_ids, item_ids, is_kept):
        """What items add to their own scores, of the ids' shape; 0 of those in no history."""
        position = self.positions_of(user_ids, item_ids)
        values = self._values(tf.maximum(position, 0), is_kept)
        return tf.where(position >= 0, values, tf.zeros_like(values))

    def _encode_distinct(self, user_ids, is_kept=None):
        """Vectors of some users `(n, dim)`, each once, and which one is whose."""
        user_ids = tf.convert_to_tensor(user_ids)
        users, place = tf.unique(tf.reshape(user_ids, (-1,)))
        histories = self.histories_of(users)
        vectors = self.candidate_embedding(histories.item_id)
        values = self._values(histories.position, is_kept)
        queries = _sums(vectors, values, histories.row, tf.size(users))
        return queries, tf.reshape(place, tf.shape(user_ids))

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        is_kept = self._corrupts(training)
        users, items = inputs["user_id"], inputs["item_id"]
        queries, place = self._encode_distinct(users, is_kept)
        if asks_for_most_cells(items, self.num_users, self.num_items):
            vectors = _of_length_1(ops.convert_to_tensor(self.item_table))
            logits = cells_of_product(queries, vectors, place, items)
        else:
            logits = ops.sum(
                gather_summed(queries, place) * self.candidate_embedding(items), axis=-1
            )
        if training:
            logits -= self._own_scores(users, items, is_kept)
        return logits

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        queries, place = self._encode_distinct(user_ids)
        return tf.gather(queries, place)

    def history_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        is_item = item_ids < self.num_items
        vectors = self.candidate_embedding(tf.where(is_item, item_ids, 0))
        return tf.reduce_sum(tf.where(is_item[..., None], vectors, 0.0), axis=1)

    def candidate_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        return _of_length_1(look_up(self.item_table, item_ids))


def _of_length_1(vectors):
    return tf.math.l2_normalize(vectors, axis=-1, epsilon=SHORTEST)


def _sums(vectors, values, row, num_rows):
    """Sums of vectors `(n, dim)`, each times its value, by rows: `(num_rows, dim)`."""
    return tf.math.unsorted_segment_sum(vectors * values[:, None], row, num_rows)


def _decayed(interactions, half_life):
    """`2 ** (-age / half_life)` of each pair in the order of `to_csr`, float32."""
    latest = latest_of_pairs(interactions)
    age = (latest.max(initial=0) - latest) / SECONDS_OF_DAY
    return np.exp2(-age / half_life).astype(np.float32)
