"""LightGCN: user and item vectors smoothed over the graph of interactions."""

from dataclasses import KW_ONLY

import numpy as np
import scipy.sparse
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import normal
from deca_tf.backbones.factorized import Factorized
from deca_tf.data.interactions import Interactions
from deca_tf.data.ragged import values_of_rows
from deca_tf.embeddings.row_sums import gather_summed
from deca_tf.parts.options import OneOf, option

# Up to so many users or items, the product of that side with itself is kept whole: 16 MiB.
GRAM_ROWS = 2048
# Beyond, it is kept sparse, if that takes at most so many multiplications per interaction.
GRAM_WORK = 64
# And if it has at most so many entries per interaction: else two products over the edges cost less
GRAM_FILL = 4


class LightGCN(Factorized):
    """LightGCN, `logit = u . i` of vectors averaged over the layers of a propagation.

    The product may be a cosine.

    Paper: section 4.1.3. Source: He et al., "LightGCN", SIGIR 2020, with uniform layer weights and
    without dropout. With R the interactions, each divided by the square root of its user's times
    its item's degree, layer k + 1 of the users is `R I_k` and of the items `R^T U_k`; layer 0 is
    what is trained.

    Each side is its own neighbours' neighbour, so with the smaller side's `G = R^T R` (here: the
    items') all layers follow from two sparse products: `I_1 = R^T U_0`, `I_k+2 = G I_k`, and the
    sum of the `U_k+1` is R times the sum of the `I_k`. That last one is worked out for the users of
    the batch only. G is kept whole where it is small and sparse where it has few entries, as with a
    million users of two clicks each; else R^T R is applied in two steps. The graph is propagated
    once per call, so once per update.

    Raises:
        RuntimeError: called before `adapt(split.train)`.

    Stability: stable.
    """

    _: KW_ONLY
    embedding_dim: int = option(default=64, search=OneOf(32, 64, 128), doc="Length of the vectors.")
    layers: int = option(
        default=3,
        search=OneOf(1, 2, 3),
        attribute="num_layers",  # Keras has an attribute `layers`
        doc="Number of propagations.",
    )
    embedding_stddev: float = option(
        default=0.1, low=0, doc="Standard deviation of the initial vectors."
    )
    num_edges: int | None = option(
        default=None, low=0, hidden=True, doc="Interactions in the graph, set by `adapt`."
    )
    gram_edges: int = option(
        default=0,
        low=0,
        hidden=True,
        doc="Entries of G where it is kept sparse, set by `adapt`; 0 where it is not.",
    )

    def setup(self) -> None:
        super().setup()
        self.supports_jit = False  # XLA has no sparse products
        dim, stddev = self.embedding_dim, normal(self.embedding_stddev)
        self.user_table = self.add_table("user_embedding", (self.num_users, dim), stddev)
        self.item_table = self.add_table("item_embedding", (self.num_items, dim), stddev)
        self.users_are_fewer = self.num_users < self.num_items
        self.num_smaller, self.num_larger = sorted((self.num_users, self.num_items))
        if self.num_edges is not None:
            self._add_graph(self.num_edges, self.gram_edges)

    def _add_graph(self, num_edges, gram_edges):
        self.num_edges, self.gram_edges = num_edges, gram_edges
        # R with a row for each node of the larger side.
        self.edges = self._add_constant("edges", (num_edges, 2), "int32")
        self.edge_weights = self._add_constant("edge_weights", (num_edges,), self.variable_dtype)
        self.row_starts = self._add_constant("row_starts", (self.num_larger + 1,), "int32")
        self.gram = self.gram_places = None
        if self.num_smaller <= GRAM_ROWS:
            self.gram = self._add_constant(
                "gram", (self.num_smaller, self.num_smaller), self.variable_dtype
            )
        elif gram_edges:
            self.gram_places = self._add_constant("gram_places", (gram_edges, 2), "int32")
            self.gram = self._add_constant("gram", (gram_edges,), self.variable_dtype)

    def _add_constant(self, name, shape, dtype):
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            autocast=False,
        )

    def adapt(self, interactions: Interactions) -> None:
        """Takes the graph from `interactions`, normally `split.train`; a pair counts once."""
        super().adapt(interactions)
        pairs = self.check_adapts(interactions, self.num_edges)
        graph = (pairs.T if self.users_are_fewer else pairs).tocsr()
        graph.sort_indices()
        scaled = (
            scipy.sparse.diags(_root_inverse(_degree(graph)))
            @ graph
            @ scipy.sparse.diags(_root_inverse(_degree(graph.T)))
        )
        gram = (
            _sparse_gram(scaled) if self.num_smaller > GRAM_ROWS else (scaled.T @ scaled).toarray()
        )
        if self.num_edges is None:
            self._add_graph(graph.nnz, gram.nnz if scipy.sparse.issparse(gram) else 0)
        self.edges.assign(_places(scaled))
        self.edge_weights.assign(scaled.data)
        self.row_starts.assign(graph.indptr)
        if self.gram_places is not None:
            self.gram_places.assign(_places(gram))
            self.gram.assign(gram.data)
        elif self.gram is not None:
            self.gram.assign(gram)

    @property
    def needs_data(self) -> bool:  # type: ignore[override]
        return self.num_edges is None or super().needs_data

    def propagated(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The averaged vectors of all users `(num_users, dim)` and all items `(num_items, dim)`."""
        larger_table = self._tables()[1]
        graph = self._graph()
        smaller, before_larger = self._propagate(_times(graph, larger_table, transposed=True))
        larger = self._share * (larger_table + _times(graph, before_larger))
        return self._smaller_and_larger(smaller, larger)  # its own inverse

    def call(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        ids = self._smaller_and_larger(inputs["user_id"], inputs["item_id"])
        nodes, position = tf.unique(tf.reshape(ids[1], (-1,)))
        first_layer, rows = _down_and_rows(self._graph(), self._tables()[1], nodes)
        smaller, before_larger = self._propagate(first_layer)
        larger = self._share * (rows + _times(self._graph_of(nodes), before_larger))
        larger = tf.reshape(
            tf.gather(larger, position), tf.concat([tf.shape(ids[1]), [self.embedding_dim]], axis=0)
        )
        smaller = ops.take(smaller, ids[0], axis=0)
        logits = ops.sum(self.directed(smaller) * self.directed(larger), axis=-1)
        offset = self.item_offset(inputs["item_id"])
        return logits if offset is None else logits + offset

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        return self._queries(ops.take(self.propagated()[0], user_ids, axis=0))

    def candidate_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        return self._candidates(ops.take(self.propagated()[1], item_ids, axis=0), item_ids)

    def _queries(self, vectors):
        vectors = self.directed(vectors)
        if self.log_popularity is None:
            return vectors
        return ops.concatenate([vectors, ops.ones_like(vectors[:, :1])], axis=1)

    def _candidates(self, vectors, item_ids=None):
        vectors, offset = self.directed(vectors), self.item_offset(item_ids)
        return vectors if offset is None else ops.concatenate([vectors, offset[:, None]], axis=1)

    def embed_both(
        self, user_ids: tf.Tensor, item_ids: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `Backbone.embed_both`, of one propagation."""
        users, items = self.propagated()
        if item_ids is not None:
            items = gather_summed(items, item_ids)
        return self._queries(gather_summed(users, user_ids)), self._candidates(items, item_ids)

    def score_all_items(self, user_ids: tf.Tensor) -> tf.Tensor:
        users, items = self.embed_both(user_ids)
        return ops.matmul(users, ops.transpose(items))

    @property
    def _share(self):
        return 1.0 / (self.num_layers + 1)

    def _smaller_and_larger(self, of_users, of_items):
        return (of_users, of_items) if self.users_are_fewer else (of_items, of_users)

    def _tables(self):
        return tuple(
            map(tf.convert_to_tensor, self._smaller_and_larger(self.user_table, self.item_table))
        )

    def _propagate(self, first_layer):
        """The smaller side's averaged vectors, and the sum of its layers but the last.

        They follow from its layer 1.
        """
        layers = [self._tables()[0], first_layer]
        while len(layers) <= self.num_layers:
            layers.append(self._gram_times(layers[-2]))
        return self._share * sum(layers), sum(layers[:-1])

    def _gram_times(self, vectors):
        if self.gram is None:
            graph = self._graph()
            return _times(graph, _times(graph, vectors), transposed=True)
        if self.gram_places is None:
            return ops.matmul(self.gram, vectors)
        return _times(
            _matrix(self.gram_places, self.gram, (self.num_smaller, self.num_smaller)), vectors
        )

    def _graph(self):
        """R, with a row for each node of the larger side."""
        if self.num_edges is None:
            raise RuntimeError(
                "LightGCN must be given its graph before it is called: `model.adapt(split.train)`."
            )
        return _matrix(self.edges, self.edge_weights, (self.num_larger, self.num_smaller))

    def _graph_of(self, nodes):
        """The rows of R that belong to some nodes of the larger side."""
        starts = tf.convert_to_tensor(self.row_starts)
        firsts = tf.gather(starts, nodes)
        rows, positions = values_of_rows(firsts, tf.gather(starts, nodes + 1) - firsts)
        neighbours = tf.gather(tf.convert_to_tensor(self.edges)[:, 1], positions)
        weights = tf.gather(tf.convert_to_tensor(self.edge_weights), positions)
        return _matrix(
            tf.stack([rows, neighbours], axis=1), weights, (tf.size(nodes), self.num_smaller)
        )


# TensorFlow's products of a compressed sparse row matrix take half the time of sums over gathered
# rows, a third where the matrix is transposed, and need no second copy of it.


def _matrix(places, values, shape):
    """A sparse matrix of places `(n, 2)`, sorted, and values `(n,)`."""
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.cast(places, tf.int64),
        values=tf.convert_to_tensor(values),
        dense_shape=tf.cast(tf.stack(shape), tf.int64),
    )


def _times(matrix, vectors, transposed=False):
    """A sparse matrix, or its transpose, times a dense one."""

    @tf.custom_gradient  # TensorFlow's own also works out the gradient of the sparse matrix
    def product(vectors):
        return _multiply(matrix, vectors, transposed), lambda upstream: _multiply(
            matrix, upstream, not transposed
        )

    return product(vectors)


def _down_and_rows(graph, table, nodes):
    """The graph's transpose times a table, and some rows of it, all different.

    As one function, so that the gradient of the rows is added where it belongs and not as a second
    whole table.
    """

    @tf.custom_gradient
    def both(table):
        def gradient(product, rows):
            return tf.tensor_scatter_nd_add(_multiply(graph, product, False), nodes[:, None], rows)

        return (_multiply(graph, table, True), tf.gather(table, nodes)), gradient

    return both(table)


def _multiply(matrix, vectors, transposed):
    return tf.raw_ops.SparseMatrixMatMul(a=matrix, b=vectors, transpose_a=transposed)


def _sparse_gram(scaled):
    """`scaled.T @ scaled` if it is worth keeping, else None."""
    work = np.square(_degree(scaled), dtype=np.int64).sum()
    if work > GRAM_WORK * scaled.nnz:
        return None
    gram = (scaled.T @ scaled).tocsr()
    gram.sort_indices()
    return gram if gram.nnz <= GRAM_FILL * scaled.nnz else None


def _places(matrix):
    """Rows and columns of what a CSR matrix stores, `(nnz, 2)`."""
    return np.stack(
        [np.repeat(np.arange(matrix.shape[0]), _degree(matrix)), matrix.indices], axis=1
    )


def _degree(matrix):
    return np.diff(matrix.tocsr().indptr)


def _root_inverse(degree):
    return np.where(degree > 0, 1.0 / np.sqrt(np.maximum(degree, 1)), 0.0).astype(np.float32)
