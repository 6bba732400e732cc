"""The contract every recommender model keeps: ids in, logits out, and how to rank with it."""

import typing
import zlib
from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any

import keras
import scipy.sparse
import tensorflow as tf
from keras import ops

from deca_tf.data.interactions import Interactions
from deca_tf.embeddings.id_ranges import ChecksIds
from deca_tf.embeddings.row_sums import gather_summed
from deca_tf.parts.options import option
from deca_tf.parts.part import Part, register

LEAST_PAIRS = 2**15  # smaller batches never take the products of whole tables
CELLS_PER_PAIR = 32


class Backbone(Part, ChecksIds, keras.Model, family="backbone"):
    """Scores user-item pairs; knows nothing of losses, labels or noise.

    A subclass declares its options, creates its weights in `setup` with `add_table`, so a backbone
    is built as soon as it exists, and implements `call`, which maps `{"user_id", "item_id"}` (two
    integer tensors of one shape) to logits of that shape. Where the score is a dot product it also
    implements `query_embedding` and `candidate_embedding`, so that ranking and retrieval are one
    matrix product. Keras knows each subclass by its name, for saved files.

    Raises:
        ValueError: a size is not a positive integer, or the seed is negative.

    Attributes:
        ranks_under_xla: whether evaluation compiles `score_all_items` by XLA; for scores that a
            network works out.
        users_per_batch: whole users in a batch, by default, of one that encodes histories.
        default_denoiser: name of the denoiser that it learns by where nobody names one; None:
            normal training.
        needs_data: whether `adapt` must still see the training data before the first call.

    Stability: stable.
    """

    num_users: int = option(doc="Size of the user id space; ids are in `[0, num_users)`.")
    num_items: int = option(doc="Size of the item id space; ids are in `[0, num_items)`.")
    _: KW_ONLY
    seed: int = option(default=0, low=0, doc="Fixes the initial weights.")

    ranks_under_xla: typing.ClassVar[bool | None] = None
    users_per_batch: typing.ClassVar[int | None] = None
    default_denoiser: typing.ClassVar[str | None] = None
    needs_data = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.built = True  # every weight exists since the constructor

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register(cls)

    def add_table(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: str | Callable[[int], keras.initializers.Initializer] = "zeros",
    ) -> keras.Variable:
        """Creates a trainable weight.

        `initializer` is a function from a seed to a Keras initializer, or a name.
        The seed is drawn from the backbone's seed and the weight's name: equal seeds in two weights
        would give user 0 and item 0 the same vector.
        """
        if callable(initializer):
            initializer = initializer(zlib.crc32(f"{self.seed}/{name}".encode()))
        # Keras would cast the whole table to a mixed policy's dtype wherever rows of it are read.
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    def computed(self, values: tf.Tensor) -> tf.Tensor:
        """Values in the dtype that the policy computes in: rows of a table, or a whole kernel."""
        return ops.cast(values, self.compute_dtype)

    def as_logits(self, values: tf.Tensor) -> tf.Tensor:
        """Values in the weights' dtype, at least float32 under a mixed policy."""
        return ops.cast(values, self.variable_dtype)

    def adapt(self, interactions: Interactions) -> None:
        """Takes in what the score needs of the training data besides the weights.

        Nothing, for most.

        Called once, before training, with `split.train`; what is kept is saved with the model.
        """

    def check_adapts(
        self, interactions: Interactions, known_pairs: int | None = None
    ) -> scipy.sparse.csr_array:
        """The pairs that `adapt` was given, as a sorted CSR matrix `(num_users, num_items)`.

        A pair counts once.

        Args:
            interactions: an `Interactions`.
            known_pairs: how many pairs the backbone has adapted to before: its weights have room
                for no other number.

        Raises:
            ValueError: other id spaces than the backbone's, or another number of pairs than it has
                room for.
        """
        for size in ("num_users", "num_items"):
            if getattr(interactions, size) != getattr(self, size):
                raise ValueError(
                    f"`interactions` must have the backbone's `{size}`, {getattr(self, size)}. "
                    f"Received: interactions.{size}={getattr(interactions, size)}."
                )
        pairs = interactions.to_csr()
        pairs.sort_indices()
        if known_pairs not in (None, pairs.nnz):
            raise ValueError(
                f"`interactions` must be those that the backbone has adapted to, {known_pairs} "
                "pairs. "
                f"Received: {pairs.nnz} pairs. Make a new backbone for other data."
            )
        return pairs

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        """User side of the score, `(batch,)` to `(batch, dim)`."""
        raise NotImplementedError(
            f"{type(self).__name__}'s score is no dot product. Use `score_all_items`."
        )

    def candidate_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Item side of the score, `(batch,)` to `(batch, dim)`."""
        raise NotImplementedError(
            f"{type(self).__name__}'s score is no dot product. Use `score_all_items`."
        )

    @property
    def is_factorized(self) -> bool:
        """Whether the dot product of the two embeddings is the logit of `call`."""
        return type(self).query_embedding is not Backbone.query_embedding

    def history_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        """User side of the score for someone who is no user of the model, by what he took.

        Args:
            item_ids: int32 `(batch, n)`, each item once, padded with `num_items`.

        Returns:
            As `query_embedding`.
        """
        raise NotImplementedError(f"{type(self).__name__} encodes no histories.")

    @property
    def embeds_histories(self) -> bool:
        """Whether it has a `history_embedding`."""
        return type(self).history_embedding is not Backbone.history_embedding

    def score_all_items(self, user_ids: tf.Tensor) -> tf.Tensor:
        """Logits of every item for each user.

        Args:
            user_ids: integer tensor `(batch,)`.

        Returns:
            Float tensor `(batch, num_items)`; column i is item id i.
        """
        items = ops.arange(self.num_items, dtype="int32")
        if self.is_factorized:
            return ops.matmul(
                self.query_embedding(user_ids), ops.transpose(self.candidate_embedding(items))
            )
        return score_pairs(self, self.num_items, user_ids)

    def embed_both(
        self, user_ids: tf.Tensor, item_ids: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Both sides of the score at once, for a training that asks for both.

        Args:
            user_ids: integer tensor `(batch,)`.
            item_ids: integer tensor `(n,)`; None: the whole catalogue, in order.
            training: as of `call`.

        Returns:
            `(batch, dim)` and `(n, dim)`, as `query_embedding` and `candidate_embedding` give them.
        """
        if item_ids is None:
            item_ids = ops.arange(self.num_items, dtype="int32")
        return self.query_embedding(user_ids), self.candidate_embedding(item_ids)

    def score_clicks(
        self,
        user_ids: tf.Tensor,
        item_ids: tf.Tensor,
        pool: int | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits of clicks, and of candidates that all of them share.

        Args:
            user_ids: of the clicks, integer tensor `(batch,)`.
            item_ids: of the clicks and behind them of the candidates, integer tensor `(batch +
                pool,)`.
            pool: how many candidates there are; None: the whole catalogue, and `item_ids` has the
                clicks alone.
            training: as of `call`.

        Returns:
            `(batch,)` and `(batch, pool)`, or `(batch, num_items)` where column i is item id i.
        """
        if not self.is_factorized:
            return score_clicks_by_pairs(self, self.num_items, user_ids, item_ids, pool, training)
        if pool is None:
            queries, candidates = self.embed_both(user_ids, training=training)
            clicked = gather_summed(candidates, item_ids)
        else:
            queries, items = self.embed_both(user_ids, item_ids, training=training)
            clicked, candidates = items[:-pool], items[-pool:]
        return ops.sum(queries * clicked, axis=-1), all_products(queries, candidates)


def asks_for_most_cells(ids, num_rows, num_columns):
    """Whether so many pairs are asked for that all products of two tables take less time.

    A lookup, forwards and backwards, costs as much as many products of two vectors within a matrix
    product. At 32 cells for each pair they also need less memory than the vectors of each pair
    would.

    Args:
        ids: integer tensor of the pairs' users or items.
        num_rows: users, at most.
        num_columns: items.
    """
    pairs = ids.shape.num_elements() or 0
    return pairs >= LEAST_PAIRS and num_rows * num_columns <= CELLS_PER_PAIR * pairs


def cells_of_product(queries, candidates, rows, columns):
    """Dot products of some pairs, out of the product of all.

    Args:
        queries: `(num_rows, dim)`.
        candidates: `(num_columns, dim)`.
        rows, columns: integer tensors of one shape.

    Returns:
        A tensor of their shape.
    """
    cells = ops.reshape(
        all_products(tf.convert_to_tensor(queries), tf.convert_to_tensor(candidates)), (-1,)
    )
    return ops.take(cells, rows * candidates.shape[0] + columns)


@tf.custom_gradient
def all_products(queries, candidates):
    """`queries @ candidates.T`, `(n, dim)` and `(m, dim)` to `(n, m)`."""

    def gradient(upstream):
        # XLA takes twice as long over a product that goes down the columns of the large matrix. The
        # other way round the result lies across. XLA would merge a transposition with the product
        # again, but no second product.
        across = tf.matmul(queries, upstream, transpose_a=True)
        return tf.matmul(upstream, candidates), tf.matmul(
            across, tf.eye(across.shape[0]), transpose_a=True
        )

    return tf.matmul(queries, candidates, transpose_b=True), gradient


def score_pairs(model, num_items, user_ids):
    """Scores of any model that knows pairs only.

    Args:
        model: from `{"user_id", "item_id"}`, both `(pairs,)`, to logits `(pairs,)`.
        num_items: how many items there are.
        user_ids: integer tensor `(batch,)`.

    Returns:
        Float tensor `(batch, num_items)`.
    """
    pairs = {
        "user_id": ops.repeat(user_ids, num_items),
        "item_id": ops.tile(ops.arange(num_items, dtype="int32"), (ops.shape(user_ids)[0],)),
    }
    return ops.reshape(model(pairs, training=False), (-1, num_items))


def score_clicks_by_pairs(model, num_items, user_ids, item_ids, pool=None, training=False):
    """As `Backbone.score_clicks`, of any model that knows pairs only.

    Args:
        model: from `{"user_id", "item_id"}`, both `(pairs,)`, to logits `(pairs,)`.
        num_items: how many items there are.
        user_ids, item_ids, pool, training: as there.
    """
    if pool is None:
        clicks, candidates = item_ids, ops.arange(num_items, dtype=item_ids.dtype)
    else:
        clicks, candidates = item_ids[:-pool], item_ids[-pool:]
    batch, width = ops.shape(user_ids)[0], candidates.shape[0]
    pairs = {
        "user_id": ops.concatenate([user_ids, ops.repeat(user_ids, width)]),
        "item_id": ops.concatenate([clicks, ops.tile(candidates, (batch,))]),
    }
    logits = model(pairs, training=training)
    return logits[:batch], ops.reshape(logits[batch:], (batch, width))


def normal(stddev):
    """Seed to an initializer N(0, stddev): the released code's choice for every embedding table."""
    return lambda seed: keras.initializers.RandomNormal(stddev=stddev, seed=seed)
