"""Batches of users, for a loss that looks at each user's whole history."""

import numpy as np
import tensorflow as tf

from deca_tf._checks import check_integer
from deca_tf.data import schema
from deca_tf.data._host import on_host
from deca_tf.data.batches import check_not_empty, endless_epochs, permuted_rows, steps_per_epoch
from deca_tf.data.interactions import Interactions
from deca_tf.embeddings.id_ranges import checked_by

USERS_PER_BATCH = 128  # where nobody says how many


@checked_by
def training_batches_of_users(
    interactions: Interactions,
    *,
    users_per_batch: int = USERS_PER_BATCH,
    updates_per_step: int = 1,
    fewest_clicks: int = 1,
    seed: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Shuffled users, for denoisers of layout "users": `NMSE`, `Multinomial`.

    What they clicked does not come along: the backbone has adapted to it, and encodes it.

    One iteration over the dataset is one epoch, and the next iteration is the next epoch, as of
    `training_batches`. The stream goes on through the end of an epoch, so that no user is dropped
    or seen more often than another.

    Args:
        interactions: whose users they are. Users with too few clicks come up in no batch.
        users_per_batch: users of one update; at most all.
        updates_per_step: as many as the denoiser has phases.
        fewest_clicks: that a user must have, at least 1.
        seed: integer; same seed, same batches.
        start_step: step to start at.

    Returns:
        Dataset of `({"user_id"}, label)`: int32 and float32 `(users_per_batch * updates_per_step,
        1)`; all labels are 1.

    Raises:
        ValueError: a size below 1, or no user with so many clicks.

    Example:
        >>> inputs, label = next(iter(training_batches_of_users(split.train, users_per_batch=4)))
        >>> inputs["user_id"].shape
        TensorShape([4, 1])

    Stability: provisional.
    """
    check_not_empty(interactions)
    check_integer("updates_per_step", updates_per_step)
    check_integer("start_step", start_step, low=0)
    users = users_with(interactions, fewest_clicks)
    groups = users_in_step(users, users_per_batch, updates_per_step)
    rows = permuted_rows(len(users), groups, seed)
    table = on_host(users)

    def batch(step):
        return {schema.USER_ID: tf.gather(table, rows(step))[:, None]}, tf.ones((groups, 1))

    return endless_epochs(
        lambda first, stop: tf.data.Dataset.range(first, stop).map(batch),
        steps_per_epoch(len(users), groups),
        start_step,
    )


def users_with(interactions, fewest_clicks):
    """Users with at least so many clicks, int32.

    Raises:
        ValueError: there are none.
    """
    check_integer("fewest_clicks", fewest_clicks)
    users = np.flatnonzero(interactions.user_activity() >= fewest_clicks).astype(np.int32)
    if not len(users):
        raise ValueError(
            f"`interactions` must hold a user with at least {fewest_clicks} clicks. Received: "
            f"{interactions.user_activity().max()} clicks at most. Take another denoiser, for "
            "example `deca_tf.denoisers.Multinomial()`, or another model."
        )
    return users


def users_in_step(users, users_per_batch, updates_per_step):
    """How many users a step has, for all its updates together.

    Args:
        users: all there are, `(n,)`.
        users_per_batch: of an update.
        updates_per_step: updates.
    """
    size = min(check_integer("users_per_batch", users_per_batch), len(users) // updates_per_step)
    return max(1, size) * updates_per_step
