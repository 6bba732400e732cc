"""Batches of whole users, for a backbone that encodes a user's history: CDAE."""

import numpy as np
import tensorflow as tf

from deca_tf._checks import check_choice, check_integer
from deca_tf.data._host import on_host
from deca_tf.data.batches import check_not_empty, columns_on_host, element, endless_epochs
from deca_tf.data.interactions import Interactions
from deca_tf.data.negative_sampling import NEGATIVES, UnobservedCells, UnobservedNegatives
from deca_tf.data.ragged import values_of_rows
from deca_tf.embeddings.id_ranges import checked_by


@checked_by
def training_batches_by_user(
    interactions: Interactions,
    *,
    users_per_batch: int = 2048,
    updates_per_step: int = 1,
    num_negatives: int = 1,
    negatives: str = "cells",
    seed: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Whole users at a time, for a backbone that encodes a user's history: CDAE.

    A step holds `updates_per_step` batches, one for each phase of a denoiser, interleaved: group i
    belongs to batch i % updates_per_step, which is how `DeCAModel` deals groups out to phases. A
    batch is a run of positives in which users come in random order, each with all its positives, so
    it holds about `users_per_batch` users; all batches have one size, so that a user may reach into
    the next one. Where each batch holds all users, they come in the order of their ids.

    One iteration over the dataset is one epoch: `num_users / (users_per_batch * updates_per_step)`
    steps, rounded, at least 1, users without positives not counted. Where all users are fewer, a
    step goes through them more than once.

    Args:
        interactions: the positives.
        users_per_batch: users, about; at most all.
        updates_per_step: batches in a step, as many as the denoiser has phases.
        num_negatives: sampled items per positive; 0: none.
        negatives: "cells": uniform among all (user, item) cells of the batch's users that have not
            been observed, as the paper's released code does for CDAE, so that a user with few
            positives gets more negatives than positives; or one of the ways of `training_batches`,
            for the user of each positive.
        seed: integer; same seed, same batches.
        start_step: step to start at.

    Returns:
        Dataset of the elements of `training_batches`, but the users are `(groups, 1 +
        num_negatives)` as well: a negative's need not be that of its group's positive.

    Raises:
        ValueError: no interactions, a size below 1, or a user who has been observed with every
            item.

    Stability: provisional.
    """
    check_not_empty(interactions)
    check_integer("updates_per_step", updates_per_step)
    check_integer("num_negatives", num_negatives, low=0)
    check_integer("start_step", start_step, low=0)
    check_choice("negatives", negatives, ("cells", *NEGATIVES.names))
    n = len(interactions)
    size = batch_of_users(interactions, users_per_batch)
    groups = size * updates_per_step
    steps = max(1, round(n / groups))
    whole, rest = divmod(steps * groups, n)
    num_passes = whole + 2 if rest else whole  # that an epoch reaches into, at most
    by_user = np.argsort(interactions.user_id, kind="stable")
    table = columns_on_host(interactions, by_user)
    rows_of_pass = _passes_by_user(interactions.user_activity(), seed)
    draw = _negatives_by_user(interactions, negatives, num_negatives, size, seed)

    def epoch(first, stop):
        begun = first * groups // n
        if size < n:
            passes = tf.concat([rows_of_pass(begun + later) for later in range(num_passes)], axis=0)

        def positives(step, number):
            if size == n:  # all of them, in whatever order
                return table
            start = step * groups + number * size - begun * n
            rows = tf.ensure_shape(passes[start : start + size], (size,))
            return [tf.gather(column, rows) for column in table]

        def batch(step):
            columns, weights = ([], []), []
            for number in range(updates_per_step):
                *own, weight = (*positives(step, number), None)[:3]
                drawn = draw(own[0], step * updates_per_step + number)
                for column, positive, negative in zip(columns, own, drawn, strict=True):
                    column += [positive, *tf.unstack(negative, axis=1)]
                weights.append(weight)
            users, items = (_interleaved(column, (groups, 1 + num_negatives)) for column in columns)
            is_weighted = interactions.weight is not None
            return element(users, items, _interleaved(weights, (groups,)) if is_weighted else None)

        return tf.data.Dataset.range(first, stop).map(batch)

    return endless_epochs(epoch, steps, start_step)


def _interleaved(columns, shape):
    """Columns of the batches of a step, side by side: turned, a row holds a group of each batch."""
    return tf.reshape(tf.transpose(tf.stack(columns)), shape)


def _passes_by_user(degree, seed):
    """A function from the number of a pass to all rows, each user's rows together.

    Users come in an order of the pass's own.

    Args:
        degree: rows of each user, `(num_users,)`; they are stored user by user.
        seed: integer.
    """
    active = np.flatnonzero(degree)
    lengths, firsts = on_host(degree[active]), on_host((np.cumsum(degree) - degree)[active])

    def rows_of_pass(number):
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(active)), tf.stack([seed, -1 - number])
        )
        return values_of_rows(tf.gather(firsts, order), tf.gather(lengths, order))[1]

    return rows_of_pass


def _negatives_by_user(interactions, negatives, num_negatives, size, seed):
    """A function that draws a batch's negatives.

    From the users of its positives, `(size,)`, and its number, to users and items.
    """
    if not num_negatives:
        return lambda users, step: [tf.zeros((size, 0), tf.int32)] * 2
    if negatives != "cells":
        sampler = NEGATIVES.load(negatives)(interactions, seed)
        return lambda users, step: (
            tf.tile(users[:, None], [1, num_negatives]),
            sampler(users, num_negatives, step),
        )
    if size < len(interactions):
        sampler = UnobservedNegatives(interactions, seed)
        return lambda users, step: sampler.in_cells_of(users, num_negatives, step)
    cells = UnobservedCells(interactions, seed)
    return lambda users, step: cells((size, num_negatives), step)


def batch_of_users(interactions, users_per_batch):
    """Positives that about so many users have, those without any not counted."""
    check_integer("users_per_batch", users_per_batch)
    active = np.count_nonzero(interactions.user_activity())
    return max(1, round(len(interactions) * min(users_per_batch, active) / active))
