"""LightGCN: user and item vectors smoothed over the graph of interactions."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import Backbone, normal
from deca_tf.checks import check_integer, check_range

GRAM_ROWS = 2048  # up to so many users or items, the matrix of that side with itself is kept whole: 16 MiB


@keras.saving.register_keras_serializable(package="deca_tf")
class LightGCN(Backbone):
    """LightGCN, `logit = u . i` of vectors averaged over the layers of a propagation.

    Paper: section 4.1.3. Source: He et al., "LightGCN", SIGIR 2020, with uniform layer weights and without
    dropout. With R the interactions, each divided by the square root of its user's times its item's degree, layer k + 1
    of the users is `R I_k` and of the items `R^T U_k`; layer 0 is what is trained.

    Each side is its own neighbours' neighbour, so with the smaller side's `G = R^T R` (here: the items') all layers
    follow from two sparse products: `I_1 = R^T U_0`, `I_k+2 = G I_k`, and the sum of the `U_k+1` is R times the sum of
    the `I_k`. The whole graph is propagated once per call, so once per update.

    Args:
        num_users: size of the user id space.
        num_items: size of the item id space.
        embedding_dim: length of the vectors.
        layers: number of propagations.
        embedding_stddev: standard deviation of the initial vectors.
        num_edges: interactions in the graph, set by `adapt`; None before.
        seed: integer that fixes the initial weights.

    Raises:
        RuntimeError: called before `adapt(split.train)`.
    """

    def __init__(
        self,
        num_users,
        num_items,
        *,
        embedding_dim=64,
        layers=3,
        embedding_stddev=0.1,
        num_edges=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(num_users, num_items, seed=seed, **kwargs)
        self.supports_jit = False  # XLA has no sparse products
        self.embedding_dim = check_integer("embedding_dim", embedding_dim)
        self.num_layers = check_integer("layers", layers)
        self.embedding_stddev = check_range("embedding_stddev", embedding_stddev, 0)
        dim, stddev = self.embedding_dim, normal(self.embedding_stddev)
        self.user_table = self.add_table("user_embedding", (self.num_users, dim), stddev)
        self.item_table = self.add_table("item_embedding", (self.num_items, dim), stddev)
        self.num_edges = None
        if num_edges is not None:
            self._add_graph(check_integer("num_edges", num_edges))

    def _add_graph(self, num_edges):
        self.num_edges = num_edges
        # A row of neighbours and a row of the nodes that they are neighbours of.
        self.user_edges = self._add_constant("user_edges", (2, num_edges), "int32")
        self.item_edges = self._add_constant("item_edges", (2, num_edges), "int32")
        self.user_degree = self._add_constant("user_degree", (self.num_users,), "int32")
        self.item_degree = self._add_constant("item_degree", (self.num_items,), "int32")
        smaller = min(self.num_users, self.num_items)
        self.gram = self._add_constant("gram", (smaller, smaller), "float32") if smaller <= GRAM_ROWS else None

    def _add_constant(self, name, shape, dtype):
        return self.add_weight(name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False)

    def adapt(self, interactions):
        """Takes the graph from `interactions`, normally `split.train`; a pair counts once."""
        users_items = self.check_adapts(interactions, self.num_edges)
        items_users = users_items.T.tocsr()
        items_users.sort_indices()
        if self.num_edges is None:
            self._add_graph(users_items.nnz)
        user_degree, item_degree = np.diff(users_items.indptr), np.diff(items_users.indptr)
        self.user_edges.assign([users_items.indices, np.repeat(np.arange(self.num_users), user_degree)])
        self.item_edges.assign([items_users.indices, np.repeat(np.arange(self.num_items), item_degree)])
        self.user_degree.assign(user_degree)
        self.item_degree.assign(item_degree)
        if self.gram is not None:
            scaled = users_items.multiply(_root_inverse(user_degree)[:, None])
            scaled = scaled.multiply(_root_inverse(item_degree)[None, :]).tocsr()
            smaller = scaled @ scaled.T if self.num_users < self.num_items else scaled.T @ scaled
            self.gram.assign(smaller.toarray())

    def propagated(self):
        """The averaged vectors of all users `(num_users, dim)` and all items `(num_items, dim)`."""
        if self.num_edges is None:
            raise RuntimeError("LightGCN must be given its graph before it is called: `model.adapt(split.train)`.")
        to_users, to_items = self._products()
        if self.num_users < self.num_items:
            items, users = self._propagate(self.item_table, self.user_table, to_items, to_users)
        else:
            users, items = self._propagate(self.user_table, self.item_table, to_users, to_items)
        return users, items

    def _propagate(self, larger, smaller, to_larger, to_smaller):
        layers = [ops.convert_to_tensor(smaller), to_smaller(larger)]
        while len(layers) <= self.num_layers:
            before = layers[-2]
            layers.append(to_smaller(to_larger(before)) if self.gram is None else ops.matmul(self.gram, before))
        share = 1.0 / (self.num_layers + 1)
        return share * (larger + to_larger(sum(layers[:-1]))), share * sum(layers)

    def _products(self):
        """Functions from item vectors to `R` times them, and from user vectors to `R^T` times them."""
        user_scale, item_scale = (
            ops.where(degree > 0, ops.rsqrt(ops.cast(ops.maximum(degree, 1), "float32")), 0.0)[:, None]
            for degree in (self.user_degree, self.item_degree)
        )
        edges = [
            (*tf.unstack(tf.convert_to_tensor(edges)), num_nodes)
            for edges, num_nodes in ((self.user_edges, self.num_users), (self.item_edges, self.num_items))
        ]

        def product(scale, source_scale, own, reverse):
            # R^T is the gradient of R: TensorFlow's own would scatter.
            @tf.custom_gradient
            def sums(vectors):
                return _sum_neighbours(vectors, *own), lambda upstream: _sum_neighbours(upstream, *reverse)

            return lambda vectors: scale * sums(source_scale * vectors)

        return product(user_scale, item_scale, *edges), product(item_scale, user_scale, *edges[::-1])

    def call(self, inputs):
        users, items = self.propagated()
        return ops.sum(ops.take(users, inputs["user_id"], axis=0) * ops.take(items, inputs["item_id"], axis=0), axis=-1)

    def query_embedding(self, user_ids):
        return ops.take(self.propagated()[0], user_ids, axis=0)

    def candidate_embedding(self, item_ids):
        return ops.take(self.propagated()[1], item_ids, axis=0)

    def score_all_items(self, user_ids):
        users, items = self.propagated()
        return ops.matmul(ops.take(users, user_ids, axis=0), ops.transpose(items))

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "layers": self.num_layers,
            "embedding_stddev": self.embedding_stddev,
            "num_edges": self.num_edges,
        }


def _sum_neighbours(vectors, neighbours, nodes, num_nodes):
    """The sum of each node's neighbours' vectors, `(num_nodes, dim)`."""
    return tf.raw_ops.SparseSegmentSumWithNumSegments(
        data=tf.convert_to_tensor(vectors), indices=neighbours, segment_ids=nodes, num_segments=num_nodes
    )


def _root_inverse(degree):
    return np.where(degree > 0, 1.0 / np.sqrt(np.maximum(degree, 1)), 0.0).astype(np.float32)
