"""How an exported model finds the best items: by the index of a dot product, or by scoring all items."""

import functools

import tensorflow as tf

from deca_tf.backbones.backbone import score_pairs

_PAIRS = 2**16  # user-item pairs scored at once, each of which may take hundreds of values in a network's layers
_PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}  # they would call into the process that wrote them


class IndexSearch(tf.Module):
    """Exact search where a score is a dot product.

    Args:
        index: as `retrieval_index.brute_force` makes it, over the items' vectors.
        queries: float32 `(num_users + 1, dim)`, the vectors to ask the index with.
    """

    def __init__(self, index, queries):
        super().__init__(name="index_search")
        self.queries = tf.Variable(queries, trainable=False)
        # The index is a Keras 2 layer. Only its weights are tracked: else it would be saved as a Keras object.
        self.weights = index.weights
        self._index = _Untracked(index)

    def __call__(self, rows, k):
        """The best items of some users.

        Args:
            rows: int32 `(batch,)`, from 0 to `num_users`, which stands for an unknown user.
            k: how many items, an int32 scalar of at most `num_items`.

        Returns:
            `(scores, item_ids)`, float32 and int32, each `(batch, k)`: best first, equal scores by ascending item id.
        """
        return self._index.value(tf.gather(self.queries, rows), k=k)


class ScoreAllSearch(tf.Module):
    """Exact search by a model's scores of all items, for scores that are no dot product.

    The model's `score_all_items` is traced here, once. What is shipped is that graph and the variables that it reads,
    and no Keras object. In the graph, users are scored few at a time, so that memory does not grow with the batch.

    Args:
        target: Keras model with `score_all_items(user_ids)`, `(batch,)` to `(batch, num_items)`, or else from
            `{"user_id", "item_id"}`, both `(batch,)`, to logits.
        known: bool `(num_users + 1,)`, whether a user is answered by the model (else by popularity).
        popularity: `(num_items,)`, the score of each item for all other users.

    Raises:
        ValueError: `score_all_items` cannot be traced, calls back into Python, or gives another shape.
    """

    def __init__(self, target, known, popularity):
        super().__init__(name="score_all_search")
        self.num_users, self.num_items = len(known) - 1, len(popularity)
        self.known = tf.Variable(known, trainable=False)
        self.popularity = tf.Variable(popularity, dtype=tf.float32, trainable=False)
        score = _trace(target, self.num_items)
        self.weights = score.variables
        self._score = _Untracked(score)

    def __call__(self, rows, k):
        """The best items of some users; see `IndexSearch`."""
        batch = tf.size(rows)
        # Parts of one size, evenly filled: one request of one user scores one user.
        parts = tf.maximum(1, -(-batch // max(1, _PAIRS // self.num_items)))
        size = tf.maximum(1, -(-batch // parts))
        padded = tf.pad(rows, [[0, parts * size - batch]])
        scores, items = tf.map_fn(
            functools.partial(self._best, k=k),
            tf.reshape(padded, (parts, size)),
            fn_output_signature=(tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None, None], tf.int32)),
            parallel_iterations=1,  # in a graph it is 10 otherwise, with as many parts in memory together
        )
        return tuple(tf.reshape(part, (-1, k))[:batch] for part in (scores, items))

    def _best(self, rows, k):
        users = tf.minimum(rows, self.num_users - 1)  # an unknown user has no row in the model, nor needs one
        scores = tf.where(tf.gather(self.known, rows)[:, None], self._score.value(users), self.popularity)
        return tuple(tf.math.top_k(scores, k=k))


def _trace(target, num_items):
    """The graph of a model's scores: a `ConcreteFunction` from int32 `(batch,)` to float32 `(batch, num_items)`."""
    score_all = getattr(target, "score_all_items", None) or functools.partial(score_pairs, target, num_items)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def score(user_ids):
        return tf.cast(score_all(user_ids), tf.float32)

    try:
        traced = score.get_concrete_function()
    except Exception as error:  # of whatever kind the model raises
        raise ValueError(
            "`target.score_all_items` must be traceable into a graph: TensorFlow or keras.ops, no NumPy. "
            f"Received: target={target!r}, which raised {type(error).__name__}: {error}"
        ) from error
    graph = traced.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    called = sorted({node.op for node in nodes} & _PYTHON_OPS)
    if called:
        raise ValueError(
            "`target.score_all_items` must run without Python to be exported: no `tf.py_function`, no "
            f"`tf.numpy_function`. Received: target={target!r}, whose graph holds {', '.join(called)}."
        )
    shape = traced.structured_outputs.shape
    if shape.rank is not None and (shape.rank != 2 or shape[0] is not None or shape[1] not in (None, num_items)):
        raise ValueError(
            f"`target.score_all_items` must return shape (batch, num_items), (None, {num_items}). "
            f"Received: target={target!r}, which returned {shape}."
        )
    return traced


class _Untracked:
    """Hides an object from TensorFlow's tracking of attributes."""

    def __init__(self, value):
        self.value = value
