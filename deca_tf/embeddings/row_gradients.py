"""Gradients by rows: what an optimizer of rows gets in place of a table's whole gradient."""

import typing

import tensorflow as tf

from deca_tf.embeddings.lookups import Lookups
from deca_tf.embeddings.row_sums import sum_rows


class RowGradient(typing.NamedTuple):
    """A gradient like `tf.IndexedSlices`, with the rows themselves.

    They need not be looked up again.

    Gradients with the very same tensor of ids are worked on together.
    """

    values: tf.Tensor  # (n, ...)
    ids: tf.Tensor  # (n,), an id as often as it was looked up
    rows: tf.Tensor | None  # (n, ...)


def row_gradients(differentiate, variables, inputs, label, once, *, replicas, compiled):
    """Gradients of a batch's loss, by rows for a table that is only looked up and has more of them.

    The tables of which that is so are found by trying the update out, before anything of it becomes
    part of the step's graph. Their rows are read before the part that XLA compiles, for it takes
    twice TensorFlow's time.

    Args:
        differentiate: function from sources (for each of `variables` itself, or its rows), inputs
            and label to gradients, for each source a tensor, a `tf.IndexedSlices` or None.
        variables: Keras variables.
        inputs: ids by name, each `(n,)`.
        label: `(n,)`, or whatever else of the batch `differentiate` takes in its place.
        once: the ids by name as `Lookups` takes them.
        replicas: devices that the batch is split over. With more than one, no table is moved by
            rows.
        compiled: whether XLA compiles it.

    Returns:
        For each variable a `RowGradient`, or what `differentiate` gives.
    """
    is_alone = replicas == 1
    names = _names_of_rows(differentiate, variables, inputs, label, once) if is_alone else {}
    rows = {index: tf.gather(variables[index].value, once[name]) for index, name in names.items()}

    def with_rows(inputs, label, once, rows):
        sources = [rows.get(index, variable) for index, variable in enumerate(variables)]
        with Lookups(inputs, once) as lookups:
            for index, name in names.items():
                lookups.bring(variables[index], name, rows[index])
            return differentiate(sources, inputs, label)

    if is_alone and compiled:
        with_rows = tf.function(with_rows, jit_compile=True, autograph=False)
    gradients = with_rows(inputs, label, once, rows)
    for index, name in names.items():
        gradients[index] = RowGradient(gradients[index], once[name], rows[index])
    return gradients


def _names_of_rows(differentiate, variables, inputs, label, once):
    """The name of the ids of each table, by its index, of which an update is to move rows only."""
    names = {}

    def try_out(inputs, label, once):
        with Lookups(inputs, once) as lookups:
            gradients = differentiate(variables, inputs, label)
        for index, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
            asked = {name for table, name in lookups.asked if table is variable}
            if isinstance(gradient, tf.IndexedSlices) and len(asked) == 1 and None not in asked:
                names[index] = asked.pop()

    specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, (inputs, label, once))
    tf.function(try_out, autograph=False).get_concrete_function(*specs)
    return names


def dense_if_small(gradient, replicas):
    """A gradient of no fewer rows than the table has is dense.

    Adam's very update of all of them costs less.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    shape = tf.get_static_value(gradient.dense_shape)
    asked = (gradient.indices.shape[0] or 0) * replicas
    return tf.convert_to_tensor(gradient) if shape is not None and shape[0] <= asked else gradient


def whole(gradient, variable, pull=None):
    """A variable's gradient as a tensor of its shape, with the penalty's.

    The penalty's gradient is the variable times `pull`.

    Keras's Adam squares the parts of a sparse gradient instead of their sum: an id that comes up k
    times in a batch would move up to sqrt(k) times too far.
    """
    own = None if pull is None else pull * tf.convert_to_tensor(variable)
    if isinstance(gradient, tf.IndexedSlices):
        return sum_rows(gradient.values, gradient.indices, variable.shape[0], own)
    if gradient is None or own is None:
        return own if gradient is None else gradient
    return gradient + own


def whole_if_unknown(gradient, variable):
    """A sparse gradient made whole if its number of rows is unknown while tracing; others as is.

    XLA refuses such a one.
    """
    is_unknown = isinstance(gradient, tf.IndexedSlices) and None in gradient.values.shape
    return whole(gradient, variable) if is_unknown else gradient
