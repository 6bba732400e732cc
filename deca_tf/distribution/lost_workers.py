"""A worker that is gone, in words."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from deca_tf.distribution.strategies import is_multi_worker

LOST_WORKER_ERRORS = (  # as TensorFlow reports them
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


@contextlib.contextmanager
def noticing_lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Within it, what TensorFlow reports of a lost worker is said in words.

    Args:
        strategy: that trains; of one process nothing is changed.

    Raises:
        ConnectionError: another worker is gone.

    Stability: provisional.
    """
    try:
        yield
    except LOST_WORKER_ERRORS as error:
        if not is_multi_worker(strategy):
            raise
        raise ConnectionError(
            f"All workers must stay until training ends. Received: {type(error).__name__}, so "
            "another one is gone: "
            "see what it printed last. The same command on all workers goes on from the last "
            "checkpoint."
        ) from error
