"""Settings to the stream of batches that they ask for, and how it is dealt out to updates."""

import functools

from deca_tf.data.batches import (
    BATCH_SIZE,
    batch_of_users,
    capped_batch_size,
    steps_per_epoch,
    training_batches,
    training_batches_by_user,
)
from deca_tf.data.streamed_split import StreamedInteractions
from deca_tf.data.streaming import streamed_batches
from deca_tf.distribution import is_multi_worker, per_worker
from deca_tf.runs.seeds import role_seed

LEAST_STEPS = (
    8  # per epoch, where the batch size is left to us: a small table must not be one batch
)


def build_batches(config, split, denoiser, epochs_done, strategy=None):
    """The stream of batches from an epoch on.

    Returns:
        `(dataset, groups, steps)`: the groups in a step, for all phases together, and the steps in an epoch.
    """
    training, train, phases = config.training, split.train, len(denoiser.phases)
    shared = {"num_negatives": training.num_negatives, "seed": role_seed(config, "batches")}
    if training.users_per_batch is not None:
        groups = batch_of_users(train, training.users_per_batch) * phases
        steps = max(1, round(len(train) / groups))
        batches = training_batches_by_user(
            train,
            users_per_batch=training.users_per_batch,
            num_batches=phases,
            negatives="cells" if denoiser.negatives == "uniform" else denoiser.negatives,
            start_step=epochs_done * steps,
            **shared,
        )
        return batches, groups, steps
    groups = groups_per_step(training, phases, len(train))
    steps = steps_per_epoch(len(train), groups)
    is_streamed = isinstance(train, StreamedInteractions)
    make = functools.partial(
        streamed_batches if is_streamed else training_batches,
        train,
        batch_size=groups,
        negatives=denoiser.negatives,
        exclude_observed=training.exclude_observed,
        start_step=epochs_done * steps,
        **shared,
    )
    by_worker = is_streamed and strategy is not None and is_multi_worker(strategy)
    batches = per_worker(strategy, make) if by_worker else make()
    return batches, groups, steps


def groups_per_step(training, phases, n):
    """Positives per step, for all phases together."""
    if training.batch_size is not None:
        return capped_batch_size(training.batch_size * phases, n)
    return capped_batch_size(BATCH_SIZE * phases, max(phases, n // LEAST_STEPS))
