"""Batches: interactions and their sampled negatives as a `tf.data.Dataset`, permuted and drawn inside the graph.

Every batch is a pure function of `(interactions, seed, step)`. Nothing is shuffled element by
element and nothing is stored but the pairs themselves: position p of the stream is row `permuted(p
% n)` of pass `p // n`, so that each pass over the n pairs is one permutation of them, and a stream
can start at any step.
"""

import functools
import itertools

import numpy as np
import tensorflow as tf

from deca_tf._checks import check_choice, check_integer
from deca_tf.data import schema
from deca_tf.data._host import on_host
from deca_tf.data.negative_sampling import NEGATIVES, UnobservedCells, UnobservedNegatives
from deca_tf.data.ragged import values_of_rows

BATCH_SIZE = 2048  # positives per update, as in the paper


def training_batches(
    interactions,
    *,
    batch_size=2 * BATCH_SIZE,
    num_negatives=1,
    negatives="uniform",
    exclude_observed=False,
    seed=0,
    start_step=0,
):
    """Shuffled positives, each with its negatives, for `fit`.

    One iteration over the dataset is one epoch, and the next iteration is the next epoch:
    `fit(batches, epochs=20)` sees twenty different permutations. An epoch has `n / batch_size`
    steps, rounded; the stream goes on through its end, so that no pair is dropped or seen more
    often than another.

    Args:
        interactions: the positives. Their ratings, dwell times and noise flags are not looked at.
        batch_size: groups (one positive and its negatives) per step. A denoiser with two phases
            makes two updates of half a batch in each step: the default gives the paper's 2048 to
            each. With fewer pairs than that, the largest power of two that they fill.
        num_negatives: sampled items per positive, at least 1.
        negatives: how they are drawn: "uniform" over all items, as the paper's released code does,
            "unobserved", uniform over those the user has not been observed with, or "popularity",
            over the same in proportion to their number of interactions.
        exclude_observed: True turns "uniform" into "unobserved".
        seed: integer; same seed, same batches.
        start_step: step to start at, to go on where an interrupted run stopped, in mid-epoch too.

    Returns:
        Dataset of `({"user_id", "item_id"}, label)`, int32, int32 and float32: users `(batch_size,
        1)`, items and labels `(batch_size, 1 + num_negatives)`. Column 0 is the positive.

    Raises:
        ValueError: no interactions, a size below 1, unknown `negatives`, or nothing left to sample
            for a user.

    Example:
        >>> model.fit(training_batches(split.train, seed=1), epochs=20)
    """
    check_not_empty(interactions)
    check_integer("batch_size", batch_size)
    check_integer("num_negatives", num_negatives)
    check_integer("start_step", start_step, low=0)
    n = len(interactions)
    batch_size = capped_batch_size(batch_size, n)
    steps = steps_per_epoch(n, batch_size)
    check_choice("negatives", negatives, NEGATIVES.names)
    kind = "unobserved" if exclude_observed and negatives == "uniform" else negatives
    group = _grouper(interactions, num_negatives, NEGATIVES.load(kind)(interactions, seed))

    def batch(step):
        position = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        first = step * batch_size // n  # a batch reaches into two passes at most
        keys = tf.gather(
            tf.stack([_key(seed, first), _key(seed, first + 1)]), position // n - first
        )
        return group(permuted(position % n, keys, n), step)

    return endless_epochs(
        lambda first, stop: tf.data.Dataset.range(first, stop).map(batch), steps, start_step
    )


def training_batches_by_user(
    interactions,
    *,
    users_per_batch=2048,
    num_batches=2,
    num_negatives=1,
    negatives="cells",
    seed=0,
    start_step=0,
):
    """Whole users at a time, for a backbone that encodes a user's history: CDAE.

    A step holds `num_batches` batches, one for each phase of a denoiser, interleaved: group i
    belongs to batch i % num_batches, which is how `DeCAModel` deals groups out to phases. A batch
    is a run of positives in which users come in random order, each with all its positives, so it
    holds about `users_per_batch` users; all batches have one size, so that a user may reach into
    the next one. Where each batch holds all users, they come in the order of their ids.

    One iteration over the dataset is one epoch: `num_users / (users_per_batch * num_batches)`
    steps, rounded, at least 1, users without positives not counted. Where all users are fewer, a
    step goes through them more than once.

    Args:
        interactions: the positives.
        users_per_batch: users, about; at most all.
        num_batches: batches in a step.
        num_negatives: sampled items per positive, at least 1.
        negatives: "cells": uniform among all (user, item) cells of the batch's users that have not
            been observed, as the paper's released code does for CDAE, so that a user with few
            positives gets more negatives than positives; or one of the ways of `training_batches`,
            for the user of each positive.
        seed: integer; same seed, same batches.
        start_step: step to start at.

    Returns:
        Dataset of the elements of `training_batches`, but the users are `(batch_size, 1 +
        num_negatives)` as well: a negative's need not be that of its group's positive.

    Raises:
        ValueError: no interactions, a size below 1, or a user who has been observed with every
            item.
    """
    check_not_empty(interactions)
    check_integer("num_batches", num_batches)
    check_integer("num_negatives", num_negatives)
    check_integer("start_step", start_step, low=0)
    check_choice("negatives", negatives, ("cells", *NEGATIVES.names))
    n = len(interactions)
    size = batch_of_users(interactions, users_per_batch)
    groups = size * num_batches
    steps = max(1, round(n / groups))
    whole, rest = divmod(steps * groups, n)
    num_passes = whole + 2 if rest else whole  # that an epoch reaches into, at most
    by_user = np.argsort(interactions.user_id, kind="stable")
    users, items = on_host(interactions.user_id[by_user]), on_host(interactions.item_id[by_user])
    rows_of_pass = _passes_by_user(interactions.user_activity(), seed)
    draw = _negatives_by_user(interactions, negatives, num_negatives, size, seed)

    def epoch(first, stop):
        begun = first * groups // n
        if size < n:
            passes = tf.concat([rows_of_pass(begun + later) for later in range(num_passes)], axis=0)

        def positives(step, number):
            if size == n:  # all of them, in whatever order
                return users, items
            start = step * groups + number * size - begun * n
            rows = tf.ensure_shape(passes[start : start + size], (size,))
            return tf.gather(users, rows), tf.gather(items, rows)

        def batch(step):
            columns = {schema.USER_ID: [], schema.ITEM_ID: []}
            for number in range(num_batches):
                own = positives(step, number)
                drawn = draw(own[0], step * num_batches + number)
                for column, positive, negative in zip(columns.values(), own, drawn, strict=True):
                    column += [positive, *tf.unstack(negative, axis=1)]
            # Turned, a row holds a group of each batch: so they lie interleaved.
            shape = (groups, 1 + num_negatives)
            inputs = {
                name: tf.reshape(tf.transpose(tf.stack(column)), shape)
                for name, column in columns.items()
            }
            return inputs, tf.tile(tf.one_hot([0], 1 + num_negatives), [groups, 1])

        return tf.data.Dataset.range(first, stop).map(batch)

    return endless_epochs(epoch, steps, start_step)


def _passes_by_user(degree, seed):
    """A function from the number of a pass to all rows, users in an order of their own, each user's rows together.

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
    """A function from the users of a batch's positives `(size,)` and its number to users and items of its negatives."""
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


def endless_epochs(epoch, steps, start_step):
    """A dataset of which each iteration is the next epoch.

    Args:
        epoch: function from the first step and the one after the last, int64 scalar tensors, to a
            dataset.
        steps: in an epoch.
        start_step: the very first.
    """
    # Where the next iteration starts: Python is asked once an epoch. A variable would be mirrored
    # by a strategy.
    first_steps = itertools.chain(
        [start_step], itertools.count(start_step // steps * steps + steps, steps)
    )

    def next_epoch(_):
        first = tf.numpy_function(lambda: next(first_steps), [], tf.int64)
        return epoch(first, (first // steps + 1) * steps)

    dataset = tf.data.Dataset.range(1).flat_map(next_epoch)
    if start_step % steps == 0:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    return _pipelined(dataset)


def validation_batches(
    interactions, *, batch_size=2 * BATCH_SIZE, num_negatives=1, observed=None, seed=0
):
    """Every pair once, in order, with the same sampled negatives in each iteration: for `validation_data`.

    Args:
        interactions: the positives.
        batch_size: groups per batch; the last batch may be smaller.
        num_negatives: sampled items per positive, at least 1.
        observed: `Interactions` never to sample, or None: any item may be.
        seed: integer.

    Returns:
        Dataset of the same elements as `training_batches`.

    Raises:
        ValueError: no interactions, a size below 1, or nothing left to sample for a user.
    """
    check_not_empty(interactions)
    check_integer("batch_size", batch_size)
    check_integer("num_negatives", num_negatives)
    n = len(interactions)
    kind, drawn_from = ("uniform", interactions) if observed is None else ("unobserved", observed)
    group = _grouper(interactions, num_negatives, NEGATIVES.load(kind)(drawn_from, seed))
    whole, rest = divmod(n, batch_size)

    def batch(size):
        return lambda step: group(step * batch_size + tf.range(size, dtype=tf.int64), step)

    dataset = tf.data.Dataset.range(whole).map(batch(batch_size))
    if rest:
        dataset = dataset.concatenate(tf.data.Dataset.range(whole, whole + 1).map(batch(rest)))
    return _pipelined(dataset)


def capped_batch_size(batch_size, n):
    """`batch_size`, or where there are fewer pairs than that, the largest power of two up to n.

    A power of two, so that phases and devices still divide it.
    """
    return batch_size if batch_size <= n else 1 << (n.bit_length() - 1)


def steps_per_epoch(n, batch_size):
    """Steps in one pass over n pairs, rounded, at least 1."""
    return max(1, round(n / capped_batch_size(batch_size, n)))


def _grouper(interactions, num_negatives, sampler):
    """A function from row numbers `(batch,)` and a step to `({"user_id", "item_id"}, label)`."""
    user_ids, item_ids = on_host(interactions.user_id), on_host(interactions.item_id)

    def group(rows, step):
        return grouped(
            tf.gather(user_ids, rows), tf.gather(item_ids, rows), sampler, num_negatives, step
        )

    return group


def grouped(users, positives, sampler, num_negatives, step):
    """Positives with their negatives beside them.

    Args:
        users, positives: int32 tensors `(batch,)`, its length known statically.
        sampler: one of `NEGATIVES`.
        num_negatives: for each positive.
        step: int64 scalar tensor.

    Returns:
        `({"user_id", "item_id"}, label)`: users `(batch, 1)`, items and labels `(batch, 1 + num_negatives)`.
    """
    items = tf.concat([positives[:, None], sampler(users, num_negatives, step)], axis=1)
    label = tf.tile(tf.one_hot([0], 1 + num_negatives), [users.shape[0], 1])
    return {schema.USER_ID: users[:, None], schema.ITEM_ID: items}, label


def permuted(places, keys, n):
    """Where a random permutation of n sends some places.

    Args:
        places: int64 tensor `(batch,)` with values in `[0, n)`.
        keys: of the permutation for each place, int32 `(batch, 3)`.
        n: an integer, at least 1.
    """
    last = n - 1
    # TensorFlow (core/kernels/random_index_shuffle.cc) takes the logarithm of the last place for
    # its number of bits: where it is a power of four from 2**16 on, it and place 0 are sent to one
    # place. With one place more all is well, and who is sent to that one goes on to where it is
    # sent.
    is_cut = last >= 2**16 and last == 4 ** (last.bit_length() // 2)
    shuffle = functools.partial(
        tf.raw_ops.RandomIndexShuffle, seed=keys, max_index=n if is_cut else last, rounds=8
    )
    rows = shuffle(index=places)
    return tf.where(rows < n, rows, shuffle(index=rows)) if is_cut else rows


def _key(seed, number):
    """Random key of a pass, int32 `(3,)`.

    `index_shuffle` looks at few bits of it, at 8 in each of the three numbers up to n = 65,536: with the seed and the
    number of the pass themselves, every 256th pass and every 256th seed would be the same
    permutation.
    """
    state = tf.stack(
        [tf.constant(seed, tf.int64), -1 - number]
    )  # below 0: apart from the negatives' of a step
    return tf.random.stateless_uniform((3,), state, None, None, tf.int32)


def _pipelined(dataset):
    # Autotuning makes `fit` wait on its own clock (up to 1.8 times the work), so it is off.
    options = tf.data.Options()
    options.autotune.enabled = False
    # Worker i of n takes the i-th part of each batch. TensorFlow's own choice would look for files
    # to share out.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.prefetch(8).with_options(options)


def check_not_empty(interactions):
    if not len(interactions):
        raise ValueError(
            "`interactions` must hold at least one pair to make batches of. Received: 0 pairs."
        )
