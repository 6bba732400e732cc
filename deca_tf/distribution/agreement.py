"""What workers tell each other besides gradients.

Every worker has to call these, in the same order.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from deca_tf.distribution.strategies import is_chief, is_multi_worker


def agree(strategy: tf.distribute.Strategy, **facts: Any) -> None:
    """Refuses workers that would not train the same, which would spoil the training or hang it.

    Args:
        strategy: that will train; with one process there is nothing to compare.
        **facts: what must be the same everywhere; compared by the digest of its `repr`.

    Raises:
        ValueError: naming the facts that differ.

    Stability: provisional.
    """
    if not is_multi_worker(strategy):
        return
    digests = [
        int(hashlib.sha256(repr(fact).encode()).hexdigest()[:7], 16) for fact in facts.values()
    ]
    everyone = _gathered(strategy, digests)
    differing = [
        name
        for name, column in zip(facts, everyone.T, strict=True)
        if len(set(column.tolist())) > 1
    ]
    if differing:
        own = ", ".join(f"{name}={facts[name]!r}" for name in differing)
        raise ValueError(
            f"All workers must have the same {' and '.join(differing)}. Received: others than this "
            f"worker's, {own}. "
            "Start every worker by the same command, on the same files, with `--out` in a folder "
            "that all of them see."
        )


def chief_values(strategy: tf.distribute.Strategy, values: Sequence[float]) -> list[float]:
    """The chief's numbers on every worker, for what decides: last digits differ between machines.

    Args:
        strategy: that trains.
        values: list of floats, of one length everywhere.

    Stability: provisional.
    """
    if not is_multi_worker(strategy):
        return list(values)
    everyone = _gathered(strategy, [float(is_chief(strategy)), *values])
    return everyone[everyone[:, 0].argmax(), 1:].tolist()


def barrier(strategy: tf.distribute.Strategy) -> None:
    """Waits until every worker is here.

    Stability: provisional.
    """
    if is_multi_worker(strategy):
        _gathered(strategy, [0.0])


def _gathered(strategy, numbers):
    """`(replicas, n)` float64, exact for integers below 2^53.

    A row from each device of each worker.
    """
    return np.asarray(_gather(strategy, tf.constant([numbers], tf.float64)))


@tf.function(reduce_retracing=True)
def _gather(strategy, row):
    return strategy.gather(strategy.run(lambda: tf.identity(row)), axis=0)
