"""Nearest-item search by TensorFlow Recommenders.

The only file that imports it, and only when it is used.
"""

import os

import tensorflow as tf

PART = 2**16  # items that a streaming index scores at once, times the batch


def brute_force(candidates):
    """Builds an exact index over item vectors, which sit in one matrix.

    TensorFlow Recommenders needs `tf.keras` to be Keras 2 (the package tf_keras). The environment
    variable that says so is read once, when `tf.keras` is first touched, so it is set here; `import
    keras` stays Keras 3.

    Args:
        candidates: float32 `(num_items, dim)`; row i is the vector of item id i.

    Returns:
        `tfrs.layers.factorized_top_k.BruteForce`: `index(queries, k=k)` gives `(scores, item_ids)`,
        each `(batch, k)`, best first and equal scores by ascending item id. `k` may be a tensor.
        `index.across` is the variable with the vectors, `(dim, num_items)`.

    Raises:
        ImportError: a package is missing, or `tf.keras` is Keras 3 already in this process.
    """

    class BruteForce(_import_top_k().BruteForce):
        """With the items across, so that no product is by a transposed matrix.

        That one takes 1.5 to 2.5 times as long for a batch, most where rows are no multiple of
        eight long.
        """

        def index(self, candidates):
            self._identifiers = tf.Variable(
                tf.range(candidates.shape[0]), trainable=False, name="identifiers"
            )
            self.across = tf.Variable(tf.transpose(candidates), trainable=False, name="candidates")
            self._candidates = self.across
            return self

        def _compute_score(self, queries, candidates):
            return tf.matmul(queries, candidates)

    return BruteForce().index(tf.convert_to_tensor(candidates, tf.float32))


def streaming(table):
    """Builds an exact index that scores some items at a time.

    Memory beside the table stays small.

    Args:
        table: `CompactTable`.

    Returns:
        Function like the one of `brute_force`, to be called in a graph.

    Raises:
        ImportError: as in `brute_force`.
    """
    layer = _import_top_k().Streaming(num_parallel_calls=1)
    part = min(PART, table.num_items)
    parts = -(-table.num_items // part)

    def items_of(number):
        start = tf.cast(number, tf.int32) * part
        stop = tf.minimum(start + part, table.num_items)
        return tf.range(start, stop), table.part(start, stop)

    def index(queries, k):
        # The items are read in the graph that asks: a data set made outside of it could not be
        # saved.
        layer.index_from_dataset(tf.data.Dataset.range(parts).map(items_of))
        return layer(queries, k=k)

    index.weights = layer.weights
    return index


def scann(candidates):
    """Builds an approximate index, for catalogues of many millions.

    The server must have been built with ScaNN.

    Args:
        candidates: as in `brute_force`.

    Returns:
        Function like the one of `brute_force`; it may miss items.

    Raises:
        ImportError: as in `brute_force`, and where the package scann is missing or was built for
            another TensorFlow.
    """
    top_k = _import_top_k()
    if not top_k._HAVE_SCANN:
        raise ImportError(
            "The index 'scann' requires the package scann 1.4, which loads with TensorFlow 2.20 "
            "only, and a server "
            "that was built with it: the stock TensorFlow Serving was not. "
            f"Received: TensorFlow {tf.__version__} without it. Use the index 'brute-force' or "
            "'streaming', or install "
            "`deca-tf[scann]` and TensorFlow 2.20 in an environment of their own."
        )
    return top_k.ScaNN().index(tf.convert_to_tensor(candidates, tf.float32))


def _import_top_k():
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    try:
        keras_3 = getattr(tf.keras, "version", None)  # a function that Keras 3 alone has here
    except ImportError as error:
        raise ImportError(
            "Exporting requires the package tf_keras, which TensorFlow Recommenders is written "
            "for. "
            f"Received: {error}. Run `pip install tf_keras`."
        ) from error
    if keras_3 is not None:
        raise ImportError(
            "Exporting requires that `tf.keras` is Keras 2 in this process, because TensorFlow "
            "Recommenders does. "
            f"Received: tf.keras.version()={keras_3()!r}: something used `tf.keras` before the "
            "export. Write "
            "`import keras` in place of `tf.keras` there, or set the environment variable "
            "TF_USE_LEGACY_KERAS=1 "
            "before Python starts, or save the model and export it in a fresh process."
        )
    try:
        from tensorflow_recommenders.layers import factorized_top_k
    except ModuleNotFoundError as error:
        raise ImportError(
            "Exporting requires the package tensorflow-recommenders, version 0.7.7 or later. "
            f"Received: {error}. Run `pip install 'tensorflow-recommenders>=0.7.7'`."
        ) from error
    return factorized_top_k
