"""Batches from shards: files are read along, and a window of rows is all that is held of them.

Everything is done to many rows at once: a record holds thousands, some records are parsed together,
a window is permuted as a whole and then cut into batches. No Python runs, and no row is an element
of its own.
"""

import tensorflow as tf

from deca_tf._checks import check_choice, check_integer
from deca_tf.data import schema
from deca_tf.data._host import on_host
from deca_tf.data.batches import (
    BATCH_SIZE,
    capped_batch_size,
    check_not_empty,
    endless_epochs,
    grouped,
    sampler_of,
    steps_per_epoch,
)
from deca_tf.data.blocks import parse_blocks
from deca_tf.data.negative_sampling import NEGATIVES
from deca_tf.data.streamed_split import StreamedInteractions
from deca_tf.embeddings.id_ranges import checked_by

WINDOW_ROWS = 1 << 20  # 8 MB; permuted at once
FILES_AT_ONCE = 16
RECORDS_AT_ONCE = 8
PASSES = 16  # over a worker's files in an epoch, at most; beyond, rows are missing


@checked_by
def streamed_batches(
    interactions: StreamedInteractions,
    *,
    batch_size: int = BATCH_SIZE,
    updates_per_step: int = 1,
    num_negatives: int = 1,
    negatives: str = "uniform",
    exclude_observed: bool = False,
    seed: int = 0,
    start_step: int = 0,
    window_rows: int = WINDOW_ROWS,
    worker: int = 0,
    num_workers: int = 1,
    devices: int = 1,
) -> tf.data.Dataset:
    """The elements of `training_batches`, of interactions that stay in their shards.

    Each pass over the rows takes the files in another order, reads some of them side by side, a
    record here and a record there, and permutes windows of `window_rows` rows. Since rows were put
    into the files in random order, this shuffles as if all rows were permuted. An epoch is one pass
    of `n / (batch_size * updates_per_step)` steps, rounded, and the next iteration is the next
    epoch. Where steps were rounded down, the rows left over are others in each epoch; where they
    were rounded up, the last batch is filled up with rows of one more pass.

    Of several workers each reads files of its own, others in each pass, and takes as many batches
    as all the others. A worker whose files hold fewer rows goes on with those of one more pass.

    Args:
        interactions: `StreamedInteractions`, the `train` of `stream_shards`.
        batch_size, updates_per_step, num_negatives, negatives, exclude_observed, seed: as for
            `training_batches`; the batch is that of all workers and devices together. "uniform"
            holds no row; "unobserved" and "popularity" hold 4 and 8 bytes for each pair, beside the
            4 of `interactions`.
        start_step: step to start at. In mid-epoch the rows before it are read and passed over.
        window_rows: rows that are permuted at once. Not below a file's, where rows lie in some
            order.
        worker, num_workers: which worker's share, of how many.
        devices: of each worker; an element is what one of them takes in a step.

    Returns:
        Dataset of `({"user_id", "item_id"}, label)`, int32, int32 and float32, of the shapes that
        `training_batches` has at a share of `1 / (num_workers * devices)`; `devices` elements for
        each step. Equal seeds give equal batches, as long as files, workers and devices are as
        many.

    Raises:
        ValueError: no interactions, a size below 1, unknown `negatives`, nothing left to sample for
            a user, a batch that cannot be dealt out evenly, or fewer files than workers.
        tf.errors.OpError: while it is iterated over: a file that is broken, or that holds fewer
            rows than it should.

    Example:
        >>> deca_tf.data.write_shards(split, "clicks")
        >>> streamed = deca_tf.load_split("shards", folder="clicks", stream=True)
        >>> batches = streamed_batches(streamed.train, batch_size=128, seed=1)
        >>> next(iter(batches))[1].shape
        TensorShape([128, 2])

    Stability: provisional.
    """
    check_not_empty(interactions)
    for name, value in (
        ("batch_size", batch_size),
        ("updates_per_step", updates_per_step),
        ("window_rows", window_rows),
    ):
        check_integer(name, value)
    check_integer("num_negatives", num_negatives, low=0)
    check_integer("start_step", start_step, low=0)
    check_choice("negatives", negatives, NEGATIVES.names)
    n, files = len(interactions), interactions.files
    groups = capped_batch_size(batch_size * updates_per_step, n)
    size, rest = divmod(groups, num_workers * devices)
    if rest:
        raise ValueError(
            "The positives of a step must divide by workers x devices, "
            f"{num_workers} x {devices}. Received: {groups}. Choose a `batch_size` that is a "
            "multiple of them, so that a step has no more than there are rows."
        )
    if len(files) < num_workers:
        raise ValueError(
            f"There must be a file for each worker. Received: {len(files)} files of train in "
            f"{str(interactions.shards.path)!r}, and {num_workers} workers. Write more shards, or "
            "read them into "
            "memory (stream=False)."
        )
    elements = steps_per_epoch(n, groups) * devices
    kind = "unobserved" if exclude_observed and negatives == "uniform" else negatives
    sampler = sampler_of(kind, interactions, num_negatives, seed)
    paths = on_host(files)

    def windows(number):
        """A pass over this worker's files."""
        key = tf.stack([tf.constant(seed, tf.int64), -1 - number])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(files)), key)
        chosen = tf.data.Dataset.from_tensor_slices(tf.gather(paths, order[worker::num_workers]))
        records = chosen.interleave(
            lambda path: tf.data.TFRecordDataset(path, "GZIP"),
            cycle_length=min(FILES_AT_ONCE, -(-len(files) // num_workers)),
            block_length=1,
        )

        def rows(batch):
            block = parse_blocks(batch, (schema.USER_ID, schema.ITEM_ID))
            return tuple(
                tf.cast(block[name], tf.int32) for name in (schema.USER_ID, schema.ITEM_ID)
            )

        def permuted(index, columns):
            own = tf.random.fold_in(key, index * num_workers + worker)
            order = tf.random.experimental.stateless_shuffle(tf.range(tf.size(columns[0])), own)
            return tuple(tf.gather(column, order) for column in columns)

        return (
            records.batch(RECORDS_AT_ONCE)
            .map(rows)
            .rebatch(window_rows)
            .enumerate()
            .map(permuted)
            .prefetch(1)
        )

    def epoch(first, stop):
        number = first // elements
        stream = tf.data.Dataset.range(number, number + PASSES).flat_map(windows)
        batches = stream.rebatch(size, drop_remainder=True).skip(first - number * elements)

        def batch(element, rows):
            # Apart from those of the other workers: equal draws for different users would be no
            # fault, but no need.
            return grouped(*rows, sampler, num_negatives, element * num_workers + worker)

        return tf.data.Dataset.zip(tf.data.Dataset.range(first, stop), batches).map(batch)

    batches = endless_epochs(epoch, elements, start_step * devices)
    # Of several devices Keras would take the number of elements for that of steps, so that they are
    # better not counted.
    return batches if devices == 1 else batches.filter(lambda *_: True)
