"""`tf.distribute` strategies by name."""

import functools

import tensorflow as tf

from deca_tf._checks import check_choice
from deca_tf.distribution._cluster import find_cluster

STRATEGIES = ("default", "mirrored", "multi-worker")


def make_strategy(name="default"):
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
        >>> with make_strategy("mirrored").scope():
        ...     model = deca_tf.DeCAModel(MF(num_users, num_items))
        ...     model.compile(deca_tf.optimizers.Adam(1e-3))
        >>> model.fit(deca_tf.training_batches(split.train), epochs=20)
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


def is_multi_worker(strategy):
    """Whether several processes train together."""
    return (
        isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        and strategy.extended._in_multi_worker_mode()
    )


def is_chief(strategy):
    """Whether this process is the one that writes and prints: worker 0, or the only one."""
    if not is_multi_worker(strategy):
        return True
    cluster = strategy.cluster_resolver
    has_own_chief = "chief" in cluster.cluster_spec().jobs
    return cluster.task_type == "chief" or (not has_own_chief and cluster.task_id == 0)


def per_worker(strategy, make):
    """A stream of which each worker makes its own share, for `fit`.

    Args:
        strategy: that will train, of several workers.
        make: function of `worker`, `num_workers` and `devices` to the dataset of a worker, such as
            `deca_tf.data.streamed_batches` with its other arguments set.

    Returns:
        What `fit` takes in place of a dataset.
    """

    def make_own(context):
        devices = context.num_replicas_in_sync // context.num_input_pipelines
        return make(
            worker=context.input_pipeline_id,
            num_workers=context.num_input_pipelines,
            devices=devices,
        )

    return strategy.distribute_datasets_from_function(make_own)


def check_batch(groups, strategy, phases):
    """Refuses a batch that cannot be dealt out evenly.

    Args:
        groups: positives in a step, for all phases and devices together.
        strategy: that will train.
        phases: updates in a step.

    Raises:
        ValueError: phases x devices do not divide it.
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
