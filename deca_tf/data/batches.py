"""Batches: interactions and sampled negatives as a `tf.data.Dataset`, drawn inside the graph.

Every batch is a pure function of `(interactions, seed, step)`. Nothing is shuffled element by
element and nothing is stored but the pairs themselves: position p of the stream is row `permuted(p
% n)` of pass `p // n`, so that each pass over the n pairs is one permutation of them, and a stream
can start at any step.
"""

import functools
import itertools

import tensorflow as tf

from deca_tf._checks import check_choice, check_integer
from deca_tf.data import schema
from deca_tf.data._host import on_host
from deca_tf.data.interactions import Interactions
from deca_tf.data.negative_sampling import NEGATIVES
from deca_tf.embeddings.id_ranges import checked_by

BATCH_SIZE = 2048  # positives per update, as in the paper


@checked_by
def training_batches(
    interactions: Interactions,
    *,
    batch_size: int = BATCH_SIZE,
    updates_per_step: int = 1,
    num_negatives: int = 1,
    negatives: str = "uniform",
    exclude_observed: bool = False,
    seed: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Shuffled positives, each with its negatives, for `fit`.

    One iteration over the dataset is one epoch, and the next iteration is the next epoch:
    `fit(batches, epochs=20)` sees twenty different permutations. An epoch has `n / groups` steps,
    rounded, with `groups = batch_size * updates_per_step`; the stream goes on through its end, so
    that no pair is dropped or seen more often than another.

    Args:
        interactions: the positives. Of what else is known of them, weights alone are looked at.
        batch_size: positives of one update. With fewer pairs than a step's, the largest power of
            two that they fill is a step's.
        updates_per_step: as many as the denoiser has phases, `len(denoiser.phases)`: each makes an
            update in a step of `DeCAModel`. The phases share what a step has, so with fewer each
            update has fewer positives than `batch_size`.
        num_negatives: sampled items per positive; 0: none, as denoisers of layout "clicks" have it,
            which compare with the catalogue.
        negatives: how they are drawn: "uniform" over all items, as the paper's released code does,
            "unobserved", uniform over those the user has not been observed with, or "popularity",
            over the same in proportion to their number of interactions.
        exclude_observed: True turns "uniform" into "unobserved".
        seed: integer; same seed, same batches.
        start_step: step to start at, to go on where an interrupted run stopped, in mid-epoch too.

    Returns:
        Dataset of `({"user_id", "item_id"}, label)`, int32, int32 and float32: users `(groups, 1)`,
        items and labels `(groups, 1 + num_negatives)`. Column 0 is the positive. Where the
        interactions have weights, a third part is float32 `(groups, 1 + num_negatives)`: the
        positive's weight, and 1 for its negatives.

    Raises:
        ValueError: no interactions, a size below 1, unknown `negatives`, or nothing left to sample
            for a user.

    Example:
        >>> batches = training_batches(split.train, batch_size=128, num_negatives=3, seed=1)
        >>> inputs, label = next(iter(batches))
        >>> inputs["user_id"].shape, label.shape
        (TensorShape([128, 1]), TensorShape([128, 4]))

    Stability: stable.
    """
    check_not_empty(interactions)
    check_integer("batch_size", batch_size)
    check_integer("updates_per_step", updates_per_step)
    check_integer("num_negatives", num_negatives, low=0)
    check_integer("start_step", start_step, low=0)
    n = len(interactions)
    groups = capped_batch_size(batch_size * updates_per_step, n)
    steps = steps_per_epoch(n, groups)
    check_choice("negatives", negatives, NEGATIVES.names)
    kind = "unobserved" if exclude_observed and negatives == "uniform" else negatives
    group = _grouper(
        interactions, num_negatives, sampler_of(kind, interactions, num_negatives, seed)
    )

    rows = permuted_rows(n, groups, seed)

    def batch(step):
        return group(rows(step), step)

    return endless_epochs(
        lambda first, stop: tf.data.Dataset.range(first, stop).map(batch), steps, start_step
    )


def permuted_rows(n, groups, seed):
    """A function from a step, int64 scalar tensor, to its rows, int64 `(groups,)`.

    Position p of the stream is row `permuted(p % n)` of pass `p // n`.
    """

    def rows(step):
        position = step * groups + tf.range(groups, dtype=tf.int64)
        first = step * groups // n  # a batch reaches into two passes at most
        keys = tf.gather(
            tf.stack([_key(seed, first), _key(seed, first + 1)]), position // n - first
        )
        return permuted(position % n, keys, n)

    return rows


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


@checked_by
def validation_batches(
    interactions: Interactions,
    *,
    batch_size: int = BATCH_SIZE,
    num_negatives: int = 1,
    observed: Interactions | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Every pair once, in order, for `validation_data`: the same negatives in each iteration.

    Args:
        interactions: the positives.
        batch_size: positives per batch; the last batch may be smaller.
        num_negatives: sampled items per positive; 0: none.
        observed: `Interactions` never to sample, or None: any item may be.
        seed: integer.

    Returns:
        Dataset of the same elements as `training_batches`.

    Raises:
        ValueError: no interactions, a size below 1, or nothing left to sample for a user.

    Stability: stable.
    """
    check_not_empty(interactions)
    check_integer("batch_size", batch_size)
    check_integer("num_negatives", num_negatives, low=0)
    n = len(interactions)
    kind, drawn_from = ("uniform", interactions) if observed is None else ("unobserved", observed)
    group = _grouper(interactions, num_negatives, sampler_of(kind, drawn_from, num_negatives, seed))
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


def sampler_of(kind, interactions, num_negatives, seed):
    """One of `NEGATIVES`, or None where there are none to draw."""
    return NEGATIVES.load(kind)(interactions, seed) if num_negatives else None


def _grouper(interactions, num_negatives, sampler):
    """A function from row numbers `(batch,)` and a step to `({"user_id", "item_id"}, label)`."""
    columns = columns_on_host(interactions)

    def group(rows, step):
        users, items, *weight = (tf.gather(column, rows) for column in columns)
        return grouped(users, items, sampler, num_negatives, step, *weight)

    return group


def columns_on_host(interactions, order=slice(None)):
    """Users, items and, where there are any, weights of some interactions.

    They come in some order of their rows.
    """
    columns = interactions.user_id, interactions.item_id, interactions.weight
    return [on_host(column[order]) for column in columns if column is not None]


def grouped(users, positives, sampler, num_negatives, step, weight=None):
    """Positives with their negatives beside them.

    Args:
        users, positives: int32 tensors `(batch,)`, its length known statically.
        sampler: one of `NEGATIVES`; None where there are to be none.
        num_negatives: for each positive.
        step: int64 scalar tensor.
        weight: of the positives, float32 `(batch,)`, or None.

    Returns:
        An element of `training_batches`.
    """
    items = positives[:, None]
    if num_negatives:
        items = tf.concat([items, sampler(users, num_negatives, step)], axis=1)
    return element(users[:, None], items, weight)


def element(users, items, weight=None):
    """An element of `training_batches`.

    Users `(groups, 1)` or as the items, items `(groups, 1 + num_negatives)`.

    Args:
        users, items: int32 tensors, their shapes known statically.
        weight: of the positives, float32 `(groups,)`, or None.
    """
    groups, size = items.shape
    inputs = {schema.USER_ID: users, schema.ITEM_ID: items}
    label = tf.tile(tf.one_hot([0], size), [groups, 1])
    if weight is None:
        return inputs, label
    return inputs, label, tf.concat([weight[:, None], tf.ones((groups, size - 1))], axis=1)


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

    `index_shuffle` looks at few bits of it, at 8 in each of the three numbers up to n = 65,536:
    with the seed and the number of the pass themselves, every 256th pass and every 256th seed would
    be the same permutation.
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
