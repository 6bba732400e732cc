"""Work on large tables block by block, as part of what XLA compiles for a CPU."""

import math
import os

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

BLOCK = (
    2**15
)  # numbers; four tables' blocks of float32 are half a megabyte, which an L2 cache holds
MOST_THREADS = 2


def pays(table):
    """Whether blocks are worth it for tables of this size, here and now.

    XLA shares out a whole table among threads, and not a block. On a GPU it needs no blocks. Places
    are int32.
    """
    if tf.executing_eagerly() or tf.distribute.has_strategy():
        return False
    threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
    is_cpu_alone = all(device.device_type == "CPU" for device in tf.config.list_logical_devices())
    return is_cpu_alone and threads <= MOST_THREADS and 2 * BLOCK <= math.prod(table.shape) < 2**31


def update_in_blocks(steps, gradient, tables):
    """The tables, each replaced by a function of all, one after the other.

    XLA itself would do one step after the other, and read from memory again what the step before
    has just written: for Adam eleven passes over a table, if the cache is smaller than it, where
    blocks take eight.

    Args:
        steps: for each table, in the order in which they are replaced, a function from blocks of
            the gradient and of all tables, those before it replaced already, to the block of its
            new values. Element-wise.
        gradient: a tensor.
        tables: list of tensors of the gradient's shape, at least a block.

    Returns:
        List of the tables' new values. No table is copied for them.
    """
    given = tf.reshape(gradient, (-1,))

    def update(first, is_new, *tables):
        tables = list(tables)
        for place, step in enumerate(steps):
            blocks = [xla.dynamic_slice(table, [first], [BLOCK]) for table in (given, *tables)]
            new = tf.where(is_new, step(*blocks), blocks[1 + place])
            tables[place] = xla.dynamic_update_slice(tables[place], new, [first])
        return tables

    flat = _for_each_block(given.shape[0], update, [tf.reshape(table, (-1,)) for table in tables])
    return [tf.reshape(table, gradient.shape) for table in flat]


def half_squares_in_blocks(table):
    """As `tf.nn.l2_loss`, of a table of at least a block.

    On that one XLA spends five times as long as on reading the table.
    """
    flat = tf.reshape(table, (-1,))

    def add(first, is_new, sums):
        block = xla.dynamic_slice(flat, [first], [BLOCK])
        return [sums + tf.where(is_new, tf.square(block), 0.0)]

    return (
        tf.reduce_sum(_for_each_block(flat.shape[0], add, [tf.zeros(BLOCK, flat.dtype)])[0]) / 2.0
    )


def _for_each_block(size, work, state):
    """`state` after `work(first, is_new, *state)` on each block.

    Where it begins, and what was in none before.
    """

    def next_block(number, *state):
        begin = number * BLOCK
        first = tf.minimum(begin, size - BLOCK)  # the last block reaches back into the one before
        return number + 1, *work(first, tf.range(BLOCK) >= begin - first, *state)

    blocks = -(-size // BLOCK)
    return tf.while_loop(lambda number, *_: number < blocks, next_block, (0, *state))[1:]
