"""The stream of batches that a denoiser learns from, and how it is dealt out to updates."""

import functools
import typing

import numpy as np

from deca_tf._checks import check_integer
from deca_tf.data.batches import (
    BATCH_SIZE,
    capped_batch_size,
    training_batches,
)
from deca_tf.data.batches import steps_per_epoch as steps_of_all
from deca_tf.data.batches_by_user import batch_of_users, training_batches_by_user
from deca_tf.data.batches_of_users import (
    USERS_PER_BATCH,
    training_batches_of_users,
    users_in_step,
    users_with,
)
from deca_tf.data.streamed_split import StreamedInteractions
from deca_tf.data.streaming import streamed_batches
from deca_tf.distribution import is_multi_worker, per_worker

LEAST_STEPS = (
    8  # per epoch, where the batch size is left to us: a small table must not be one batch
)


class Stream(typing.NamedTuple):
    """Batches from an epoch on.

    Args:
        batches: what `fit` takes; each iteration is the next epoch.
        groups: rows of a step's batch, for all phases together: positives, or users.
        steps: in an epoch.
        positives: in a step, about, where the groups are users.
    """

    batches: typing.Any
    groups: int
    steps: int
    positives: int


def stream_batches(
    interactions,
    denoiser,
    *,
    batch_size=None,
    users_per_batch=None,
    num_negatives=1,
    exclude_observed=False,
    seed=0,
    epochs_done=0,
    steps_per_epoch=None,
    strategy=None,
):
    """Batches of interactions for a denoiser.

    An update for each of its phases, negatives drawn in its way.

    Args:
        interactions: the positives, `Interactions` or `StreamedInteractions`.
        denoiser: a `Denoiser`.
        batch_size: positives of an update; None: 2048, fewer where an epoch would have fewer than
            eight steps. Of layout "users": of so many users as have so many positives; None: 128.
        users_per_batch: whole users at a time, about so many per update, in place of `batch_size`.
        num_negatives: sampled items per positive, where the denoiser's layout is "pairs".
        exclude_observed: whether "uniform" negatives leave out what the user has been observed
            with; those of whole users always do.
        seed: integer; same seed, same batches.
        epochs_done: epochs that have been trained already.
        steps_per_epoch: that they had, if it was not all pairs once.
        strategy: that will train, or None.

    Returns:
        A `Stream`.

    Raises:
        ValueError: see `deca_tf.data.training_batches` and `training_batches_by_user`.
    """
    if denoiser.layout == "users":
        return _stream_users(
            interactions,
            denoiser,
            users_per_batch or _users_of_pairs(interactions, batch_size),
            seed,
            epochs_done,
            steps_per_epoch,
        )
    n, phases = len(interactions), len(denoiser.phases)
    num_negatives = check_integer("num_negatives", num_negatives) * (denoiser.layout == "pairs")
    shared = {"num_negatives": num_negatives, "seed": seed, "updates_per_step": phases}
    if users_per_batch is not None:
        groups = batch_of_users(interactions, users_per_batch) * phases
        steps = steps_per_epoch or max(1, round(n / groups))
        batches = training_batches_by_user(
            interactions,
            users_per_batch=users_per_batch,
            negatives="cells" if denoiser.negatives == "uniform" else denoiser.negatives,
            start_step=epochs_done * steps,
            **shared,
        )
        return Stream(batches, groups, steps, groups)
    groups = groups_per_step(batch_size, phases, n)
    steps = steps_per_epoch or steps_of_all(n, groups)
    if groups % phases:  # fewer pairs than phases: one step of them all, which `fit` then refuses
        shared["updates_per_step"] = 1
    is_streamed = isinstance(interactions, StreamedInteractions)
    make = functools.partial(
        streamed_batches if is_streamed else training_batches,
        interactions,
        batch_size=groups // shared["updates_per_step"],
        negatives=denoiser.negatives,
        exclude_observed=exclude_observed,
        start_step=epochs_done * steps,
        **shared,
    )
    by_worker = is_streamed and strategy is not None and is_multi_worker(strategy)
    return Stream(per_worker(strategy, make) if by_worker else make(), groups, steps, groups)


def _stream_users(interactions, denoiser, users_per_batch, seed, epochs_done, steps_per_epoch):
    """As `stream_batches`, for a denoiser of layout "users"; `groups` are users."""
    if isinstance(interactions, StreamedInteractions):
        raise TypeError(
            f"`interactions` must be held in memory under {type(denoiser).__name__}, which looks at "
            "each user's whole history. Received: StreamedInteractions. Read them without "
            "`stream`."
        )
    phases, fewest = len(denoiser.phases), denoiser.fewest_clicks
    users = users_with(interactions, fewest)
    groups = users_in_step(users, users_per_batch, phases)
    steps = steps_per_epoch or steps_of_all(len(users), groups)
    batches = training_batches_of_users(
        interactions,
        users_per_batch=users_per_batch,
        updates_per_step=phases,
        fewest_clicks=fewest,
        seed=seed,
        start_step=epochs_done * steps,
    )
    positives = groups * interactions.user_activity()[users].mean()
    return Stream(batches, groups, steps, round(positives))


def _users_of_pairs(interactions, batch_size):
    """How many users have about so many positives; of None a number of our own."""
    if batch_size is None:
        return USERS_PER_BATCH
    active = np.count_nonzero(interactions.user_activity())
    return max(1, round(check_integer("batch_size", batch_size) * active / len(interactions)))


def groups_per_step(batch_size, phases, n):
    """Positives in a step, for all phases together, of n; `batch_size` is an update's, or None."""
    if batch_size is not None:
        return capped_batch_size(check_integer("batch_size", batch_size) * phases, n)
    return capped_batch_size(BATCH_SIZE * phases, max(phases, n // LEAST_STEPS))
