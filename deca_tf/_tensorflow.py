"""Loads TensorFlow without its greetings, for commands and worker processes."""

import contextlib
import os


def load_tensorflow(threads=None):
    """Imports TensorFlow with what its C++ libraries print while they load sent to nowhere.

    Args:
        threads: how many it may use; None: all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _muted(2):
        import tensorflow as tf
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


@contextlib.contextmanager
def _muted(descriptor):
    kept = os.dup(descriptor)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(nowhere)
