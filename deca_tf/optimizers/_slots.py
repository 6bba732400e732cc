"""Slots of `LazyAdam`: where a table's own are, and how rows of both are read and written."""

import math
import typing

import keras
import tensorflow as tf


class Columns(typing.NamedTuple):
    """Where in the slots a table's own are: m, v, and two counts of updates.

    The last that had a gradient for the row, and the one that the row has been caught up to: exact
    up to 2^24.
    """

    first: int
    width: int

    @property
    def end(self):
        return self.first + 2 * self.width + 2

    def counts(self, slots):
        return slots[:, self.end - 2 : self.end]

    def of(self, slots):
        """m, v, counts."""
        return tf.split(slots[:, self.first : self.end], [self.width, self.width, 2], axis=1)

    def put(self, kept, slots):
        return tf.concat([slots[:, : self.first], kept, slots[:, self.end :]], axis=1)


class Move:
    """What an update does to tables whose slots lie together, at some ids or (None) everywhere."""

    def __init__(self, slots, ids):
        self.slots, self.ids = slots, ids
        self.variables, self.gradients, self.layout = [], [], []

    def add(self, variable, gradient, columns, l2):
        self.variables.append(variable.value if isinstance(variable, keras.Variable) else variable)
        self.gradients.append(gradient)
        # Dense gradients come with the penalty's.
        self.layout.append((columns, 0.0 if self.ids is None else l2))

    def read(self):
        """Gradients, each position's index among the distinct ids, if any, rows and slots."""
        values = [gradient.values for gradient in self.gradients]
        if self.ids is None:
            return (
                values,
                None,
                [tf.convert_to_tensor(v) for v in self.variables],
                tf.identity(self.slots),
            )
        rows = [
            tf.gather(variable, self.ids) if gradient.rows is None else gradient.rows
            for variable, gradient in zip(self.variables, self.gradients, strict=True)
        ]
        return values, tf.unique(self.ids).idx, rows, tf.gather(self.slots, self.ids)

    def write(self, rows, slots):
        for table, values in ((self.slots, slots), *zip(self.variables, rows, strict=True)):
            if self.ids is None:
                table.assign(tf.reshape(tf.cast(values, table.dtype), table.shape))
            else:
                write_rows(table, self.ids, values)


def flat_shape(variable):
    """Rows and elements of a row."""
    return (variable.shape[0] if len(variable.shape) else 1), math.prod(variable.shape[1:])


def write_rows(table, ids, rows):
    """Puts rows into a table, in place; equal ids bring equal rows."""
    rows = tf.reshape(
        tf.cast(rows, table.dtype), tf.concat([tf.shape(ids), table.shape[1:]], axis=0)
    )
    table.scatter_update(tf.IndexedSlices(rows, ids))


def power(base, exponent):
    return tf.exp(exponent * math.log(base)) if base else tf.cast(exponent <= 0, exponent.dtype)


def sums_of_duplicates(gradients, widths, place):
    """At every position the sum of the gradients of its id, for each table `(n, width)`.

    There are as many sums as positions, whatever ids are equal: that keeps shapes static.
    """
    flat = [
        tf.reshape(tf.cast(values, tf.float32), (-1, width))
        for values, width in zip(gradients, widths, strict=True)
    ]
    sums = tf.math.unsorted_segment_sum(tf.concat(flat, axis=1), place, tf.size(place))
    return tf.split(tf.gather(sums, place), widths, axis=1)
