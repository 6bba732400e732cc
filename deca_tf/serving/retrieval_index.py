"""Exact nearest-item search by TensorFlow Recommenders: the only file that imports it, and only when it is used."""

import os

import tensorflow as tf


def brute_force(candidates):
    """Builds an exact index over item vectors.

    TensorFlow Recommenders needs `tf.keras` to be Keras 2 (the package tf_keras). The environment variable that says
    so is read once, when `tf.keras` is first touched, so it is set here; `import keras` stays Keras 3.

    Args:
        candidates: float32 `(num_items, dim)`; row i is the vector of item id i.

    Returns:
        `tfrs.layers.factorized_top_k.BruteForce`: `index(queries, k=k)` gives `(scores, item_ids)`, each `(batch, k)`,
        best first and equal scores by ascending item id. `k` may be a tensor.

    Raises:
        ImportError: a package is missing, or `tf.keras` is Keras 3 already in this process.
    """
    top_k = _import_top_k()
    index = top_k.BruteForce()
    return index.index(tf.convert_to_tensor(candidates, tf.float32))


def _import_top_k():
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    try:
        keras_3 = getattr(tf.keras, "version", None)  # a function that Keras 3 alone has here
    except ImportError as error:
        raise ImportError(
            "Exporting requires the package tf_keras, which TensorFlow Recommenders is written for. "
            f"Received: {error}. Run `pip install tf_keras`."
        ) from error
    if keras_3 is not None:
        raise ImportError(
            "Exporting requires that `tf.keras` is Keras 2 in this process, because TensorFlow Recommenders does. "
            f"Received: tf.keras.version()={keras_3()!r}: something used `tf.keras` before the export. Write "
            "`import keras` in place of `tf.keras` there, or set the environment variable TF_USE_LEGACY_KERAS=1 "
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
