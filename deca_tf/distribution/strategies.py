"""`tf.distribute` strategies by name."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from deca_tf._checks import check_choice
from deca_tf.distribution._cluster import find_cluster

STRATEGIES = ("default", "mirrored", "multi-worker")


def make_strategy(name: str = "default") -> tf.distribute.Strategy:
    """The strategy of that name. Build the model under its scope; `fit` then does the rest.

    Args:
        name: 'default', one device; 'mirrored', all devices of this machine (its GPUs, else its
            logical CPUs); 'multi-worker', all devices of all processes of a cluster, which is found
            as `find_cluster` says.

    Returns:
        A `tf.distribute.Strategy`. Under 'multi-worker' it is there once all workers are.

    Raises:
        ValueError: an unknown name, or a cluster that is not described or is described wrongly.
        RuntimeError: 'multi-worker', and TensorFlow has already run something in this process.

    Example:
        >>> strategy = make_strategy("default")
        >>> with strategy.scope():
        ...     target = deca_tf.backbones.MF(split.num_users, split.num_items)
        >>> is_chief(strategy), is_multi_worker(strategy)
        (True, False)

    Stability: provisional.
    """
    check_choice("strategy", name, STRATEGIES)
    if name == "default":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return _mirrored()
    cluster = find_cluster()
    on_gpus = bool(tf.config.list_physical_devices("GPU"))
    implementation = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=implementation.AUTO if on_gpus else implementation.RING
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(
            cluster_resolver=cluster, communication_options=options
        )
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise RuntimeError(
            "The strategy 'multi-worker' must be made before TensorFlow runs anything in the "
            "process. Received: a "
            "process in which it has. Restart the kernel, and call `make_strategy` first."
        ) from error


@functools.cache
def _mirrored():
    """One for the process: TensorFlow's collectives remember the shapes that another one's had."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes train together.

    Stability: provisional.
    """
    return (
        isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        and strategy.extended._in_multi_worker_mode()
    )


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes and prints: worker 0, or the only one.

    Stability: provisional.
    """
    if not is_multi_worker(strategy):
        return True
    cluster = strategy.cluster_resolver
    has_own_chief = "chief" in cluster.cluster_spec().jobs
    return cluster.task_type == "chief" or (not has_own_chief and cluster.task_id == 0)


def per_worker(strategy: tf.distribute.Strategy, make: Callable[..., tf.data.Dataset]) -> Any:
    """A stream of which each worker makes its own share, for `fit`.

    Args:
        strategy: that will train, of several workers.
        make: function of `worker`, `num_workers` and `devices` to the dataset of a worker, such as
            `deca_tf.data.streamed_batches` with its other arguments set.

    Returns:
        What `fit` takes in place of a dataset.

    Stability: provisional.
    """

    def make_own(context):
        devices = context.num_replicas_in_sync // context.num_input_pipelines
        return make(
            worker=context.input_pipeline_id,
            num_workers=context.num_input_pipelines,
            devices=devices,
        )

    return strategy.distribute_datasets_from_function(make_own)


def check_batch(groups: int, strategy: tf.distribute.Strategy, phases: int) -> None:
    """Refuses a batch that cannot be dealt out evenly.

    Args:
        groups: positives in a step, for all phases and devices together.
        strategy: that will train.
        phases: updates in a step.

    Raises:
        ValueError: phases x devices do not divide it.

    Stability: provisional.
    """
    devices = strategy.num_replicas_in_sync
    if groups % (devices * phases):
        raise ValueError(
            "The positives of a step, for all phases and devices together, must divide by phases "
            "x devices, "
            f"{phases} x {devices}. Received: {groups}. Choose a `training.batch_size` (positives "
            "per update) that is "
            f"a multiple of {devices} and no more than the data holds, in place of "
            "`users_per_batch` if that is set."
        )
