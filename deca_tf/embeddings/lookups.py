"""Rows of tables, by ids: backbones get them here alone, so that training can look after it."""

import contextvars
from typing import Any

import tensorflow as tf

_CURRENT: contextvars.ContextVar = contextvars.ContextVar("lookups", default=None)


def look_up(table: Any, ids: Any) -> tf.Tensor:
    """Rows `ids` of a weight, and nothing but these rows, forwards and backwards.

    `keras.ops.take` reads the weight as a tensor. Once an optimizer has written some rows of it in
    place, TensorFlow copies the whole table at every such read.

    Args:
        table: a Keras variable `(n, ...)`.
        ids: integer tensor with values in `[0, n)`.

    Returns:
        A tensor `(*ids.shape, ...)`; its gradient is a `tf.IndexedSlices`.

    Stability: provisional.
    """
    lookups = _CURRENT.get()
    return tf.gather(table.value, ids) if lookups is None else lookups.look_up(table, ids)


class Lookups:
    """Within its block, how `look_up` finds the rows of a batch's ids.

    Args:
        batch: ids by name, each `(n,)`. Only lookups of these very tensors are looked after.
        once: for each name ids `(n / k,)` which the batch's are, k times each in a row. Rows are
            read for these, and repeated.

    Attributes:
        asked: for each lookup so far the table and the name of the ids, None for others than the
            batch's.
    """

    def __init__(self, batch, once):
        self._batch, self._once = batch, once
        self._read = {}
        self.asked = []

    def bring(self, table, name, rows):
        """Rows of a table that have been read already, for the ids `once[name]`."""
        self._read[id(table), name] = rows

    def look_up(self, table, ids):
        name = next((name for name, own in self._batch.items() if own is ids), None)
        self.asked.append((table, name))
        if name is None:
            return tf.gather(table.value, ids)
        once = self._once[name]
        rows = self._read.get((id(table), name))
        if rows is None:
            rows = tf.gather(table.value, once)
        if once is ids or (None not in ids.shape and once.shape == ids.shape):
            return rows
        return tf.repeat(rows, tf.size(ids) // tf.size(once), axis=0)

    def __enter__(self):
        self._token = _CURRENT.set(self)
        return self

    def __exit__(self, *error):
        _CURRENT.reset(self._token)
