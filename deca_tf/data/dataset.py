"""Batches: interactions and their sampled negatives as a `tf.data.Dataset`, permuted and drawn inside the graph.

Every batch is a pure function of `(interactions, seed, step)`. Nothing is shuffled element by element and nothing is
stored but the pairs themselves: position p of the stream is row `index_shuffle(p % n)` of pass `p // n`, so that each
pass over the n pairs is one permutation of them, and a stream can start at any step.
"""

import itertools

import tensorflow as tf

from deca_tf.checks import check_integer
from deca_tf.data import schema
from deca_tf.data.negative_sampling import UniformNegatives, UnobservedNegatives

BATCH_SIZE = 2048  # positives per update, as in the paper


def training_batches(
    interactions,
    *,
    batch_size=2 * BATCH_SIZE,
    num_negatives=1,
    exclude_observed=False,
    seed=0,
    start_step=0,
):
    """Shuffled positives, each with its negatives, for `fit`.

    One iteration over the dataset is one epoch, and the next iteration is the next epoch: `fit(batches, epochs=20)`
    sees twenty different permutations. An epoch has `n / batch_size` steps, rounded; the stream goes on through its
    end, so that no pair is dropped or seen more often than another.

    Args:
        interactions: the positives. Their ratings, dwell times and noise flags are not looked at.
        batch_size: groups (one positive and its negatives) per step. A denoiser with two phases makes two updates
            of half a batch in each step: the default gives the paper's 2048 to each. With fewer pairs than that, the
            largest power of two that they fill.
        num_negatives: sampled items per positive, at least 1.
        exclude_observed: never sample an item that the user has been observed with. The paper's released code
            does sample them, and so does the default.
        seed: integer; same seed, same batches.
        start_step: step to start at, to go on where an interrupted run stopped, in mid-epoch too.

    Returns:
        Dataset of `({"user_id", "item_id"}, label)`, int32, int32 and float32, each `(batch_size, 1 + num_negatives)`:
        column 0 is the positive.

    Raises:
        ValueError: no interactions, a size below 1, or nothing left to sample for a user.

    Example:
        >>> model.fit(training_batches(split.train, seed=1), epochs=20)
    """
    _check_not_empty(interactions)
    check_integer("batch_size", batch_size)
    check_integer("num_negatives", num_negatives)
    check_integer("start_step", start_step, low=0)
    n = len(interactions)
    batch_size = capped_batch_size(batch_size, n)
    steps = steps_per_epoch(n, batch_size)
    group = _grouper(interactions, num_negatives, interactions if exclude_observed else None, seed)
    # Where the next iteration starts: Python is asked once an epoch. A variable would be mirrored by a strategy.
    first_steps = itertools.chain([start_step], itertools.count(start_step // steps * steps + steps, steps))

    def batch(step):
        position = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        first = step * batch_size // n  # a batch reaches into two passes at most
        keys = tf.gather(tf.stack([_key(seed, first), _key(seed, first + 1)]), position // n - first)
        rows = tf.raw_ops.RandomIndexShuffle(index=position % n, seed=keys, max_index=n - 1, rounds=8)
        return group(rows, step)

    def epoch(_):
        first = tf.numpy_function(lambda: next(first_steps), [], tf.int64)
        return tf.data.Dataset.range(first, (first // steps + 1) * steps)

    dataset = tf.data.Dataset.range(1).flat_map(epoch)
    if start_step % steps == 0:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    return _pipelined(dataset.map(batch))


def validation_batches(interactions, *, batch_size=2 * BATCH_SIZE, num_negatives=1, observed=None, seed=0):
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
    _check_not_empty(interactions)
    check_integer("batch_size", batch_size)
    check_integer("num_negatives", num_negatives)
    n = len(interactions)
    group = _grouper(interactions, num_negatives, observed, seed)
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


def _grouper(interactions, num_negatives, excluded, seed):
    """A function from row numbers `(batch,)` and a step to `({"user_id", "item_id"}, label)`."""
    sampler = UniformNegatives(interactions.num_items, seed)
    if excluded is not None:
        sampler = UnobservedNegatives(excluded, seed)

    def group(rows, step):
        # The columns become constants of the graph, shared by all batches.
        users = tf.gather(interactions.user_id, rows)
        positives = tf.gather(interactions.item_id, rows)
        items = tf.concat([positives[:, None], sampler(users, num_negatives, step)], axis=1)
        users = tf.tile(users[:, None], [1, 1 + num_negatives])
        label = tf.tile(tf.one_hot([0], 1 + num_negatives), [rows.shape[0], 1])
        return {schema.USER_ID: users, schema.ITEM_ID: items}, label

    return group


def _key(seed, number):
    """Random key of a pass, int32 `(3,)`.

    `index_shuffle` looks at few bits of it, at 8 in each of the three numbers up to n = 65,536: with the seed and the
    number of the pass themselves, every 256th pass and every 256th seed would be the same permutation.
    """
    state = tf.stack([tf.constant(seed, tf.int64), -1 - number])  # below 0: apart from the negatives' of a step
    return tf.random.stateless_uniform((3,), state, None, None, tf.int32)


def _pipelined(dataset):
    # Autotuning makes `fit` wait on its own clock (up to 1.8 times the work), so it is off.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(8).with_options(options)


def _check_not_empty(interactions):
    if not len(interactions):
        raise ValueError("`interactions` must hold at least one pair to make batches of. Received: 0 pairs.")
