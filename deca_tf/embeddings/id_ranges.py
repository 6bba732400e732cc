"""Ids and the tables that they are looked up in: XLA reads another row for an id that is in none.

On a CPU TensorFlow refuses such an id by itself; compiled, it takes the last row, and on a GPU
zeros. So ids are checked before they come to a step.
"""

import contextlib
import functools
import inspect
import re
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

SIZES = {"user_id": "num_users", "item_id": "num_items"}
REMEDY = "Make the model as large as the ids need, or leave such pairs out."
_Make = TypeVar("_Make", bound=Callable[..., Any])
# Of TensorFlow's, by name, whose elements are those of the dataset that they are made of
SAME_ELEMENTS = {
    "_AssertCardinalityDataset",
    "_OptionsDataset",
    "_PrefetchDataset",
    "_RepeatDataset",
    "_SkipDataset",
    "_TakeDataset",
}


def checked_by(make: _Make) -> _Make:
    """A decorator of what makes a dataset of checked `Interactions`: it notes their ranges.

    It notes for how many updates a step's pairs are, too.
    """

    @functools.wraps(make)
    def noting(interactions, *args, **options):
        dataset = make(interactions, *args, **options)
        dataset.deca_tf_ranges = {ids: getattr(interactions, size) for ids, size in SIZES.items()}
        dataset.deca_tf_updates_per_step = options.get("updates_per_step", 1)
        return dataset

    return noting  # type: ignore[return-value]


def table_sizes(model):
    """How many ids a model has rows for, `{"user_id": n, "item_id": n}`; None where unknown.

    Args:
        model: a Keras model with `num_users` and `num_items`, or a functional one whose inputs go
            straight into a `keras.layers.Embedding`.
    """
    sizes = {ids: getattr(model, size, None) for ids, size in SIZES.items()}
    inputs = {one.name: one for one in getattr(model, "inputs", None) or ()}
    for layer in model.layers if inputs else ():
        if isinstance(layer, keras.layers.Embedding) and len(layer._inbound_nodes) == 1:
            for ids in SIZES:
                if layer.input is inputs.get(ids):
                    sizes[ids] = min(filter(None, (sizes[ids], layer.input_dim)))
    return sizes


def _like(method: typing.Any) -> typing.Any:
    """A decorator that gives Keras's signature and words; type checkers see any function."""
    return functools.wraps(method)


class ChecksIds:
    """Of a Keras model: `fit`, `evaluate`, `predict` and the like refuse ids in no table."""

    def id_sizes(self) -> dict[str, int | None]:
        """See `table_sizes`."""
        return table_sizes(self)

    @_like(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().fit, args, kwargs)

    @_like(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("_use_cached_eval_dataset"):  # by `fit`, which has checked it
            return super().evaluate(*args, **kwargs)
        return self._checked(super().evaluate, args, kwargs)

    @_like(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().predict, args, kwargs)

    @_like(keras.Model.train_on_batch)
    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().train_on_batch, args, kwargs)

    @_like(keras.Model.test_on_batch)
    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().test_on_batch, args, kwargs)

    @_like(keras.Model.predict_on_batch)
    def predict_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        return self._checked(super().predict_on_batch, args, kwargs)

    def _checked(self, method, args, kwargs):
        given = dict(inspect.signature(method).bind(*args, **kwargs).arguments)
        given |= given.pop("kwargs", {})
        sizes = self.id_sizes()
        if given.get("x") is not None:
            given["x"] = checked(given["x"], sizes)
        validation = given.get("validation_data")
        if isinstance(validation, (tuple, list)):
            given["validation_data"] = (checked(validation[0], sizes), *validation[1:])
        elif validation is not None:
            given["validation_data"] = checked(validation, sizes)
        with _in_one_sentence():
            return method(**given)


def checked(x, sizes):
    """What `fit` and the like can take as `x`, with its ids checked, at once or when they are read.

    Args:
        x: ids by name, in arrays, tensors or lists; a `tf.data.Dataset`, a `keras.utils.PyDataset`
            or a generator of batches, which begin with such.
        sizes: see `table_sizes`.

    Returns:
        `x` itself, or what has the same batches.

    Raises:
        TypeError: ids that are no integers.
        ValueError: an id that is in no table; of datasets and generators when it is read.
    """
    if isinstance(x, dict):
        for ids, values in _ids_of(x).items():
            _check_values(ids, values, sizes[ids])
        return x
    if isinstance(x, tf.data.Dataset):
        return _checked_dataset(x, sizes)
    if isinstance(x, keras.utils.PyDataset):
        return _CheckedPyDataset(x, sizes)
    if inspect.isgenerator(x):
        return (_checked_batch(batch, sizes) for batch in x)
    return x


def _ids_of(inputs):
    missing = [ids for ids in SIZES if ids not in inputs]
    if missing:
        raise ValueError(
            f"`x` must hold 'user_id' and 'item_id'. Received: {', '.join(map(repr, inputs))}."
        )
    return {ids: inputs[ids] for ids in SIZES}


def _check_dtype(ids, dtype):
    if not (dtype.is_integer if isinstance(dtype, tf.DType) else dtype.kind in "iu"):
        name = dtype.name if hasattr(dtype, "name") else str(dtype)
        raise TypeError(
            f"`{ids}` must hold integers. Received: {name}. `deca_tf.load_split` turns ids of any "
            "kind into dense integers."
        )


def _check_values(ids, values, size):
    values = np.asarray(values)
    _check_dtype(ids, values.dtype)
    if not values.size:
        return
    least, largest = int(values.min()), int(values.max())
    if least < 0 or (size is not None and largest >= size):
        raise ValueError(_sentence(ids, size, least if least < 0 else largest))


def _sentence(ids, size, bad):
    bound = "at least 0" if size is None else f"in [0, {size}), the rows of its table"
    return f"`{ids}` must be {bound}. Received: {bad}. {REMEDY}"


def _checked_batch(batch, sizes):
    inputs = batch[0] if isinstance(batch, (tuple, list)) else batch
    if isinstance(inputs, dict):
        checked(inputs, sizes)
    return batch


class _CheckedPyDataset(keras.utils.PyDataset):
    def __init__(self, given, sizes):
        super().__init__(
            workers=given.workers,
            use_multiprocessing=given.use_multiprocessing,
            max_queue_size=given.max_queue_size,
        )
        self._given, self._sizes = given, sizes

    def __getitem__(self, index):
        return _checked_batch(self._given[index], self._sizes)

    @property
    def num_batches(self):
        return self._given.num_batches

    def on_epoch_begin(self):
        self._given.on_epoch_begin()

    def on_epoch_end(self):
        self._given.on_epoch_end()


def _checked_dataset(dataset, sizes):
    """The dataset with its ids checked outside of what XLA compiles.

    Itself where they have been, by `checked_by`.
    """
    noted = _noted_ranges(dataset)
    if noted is not None:
        for ids, size in sizes.items():
            if size is not None and noted[ids] > size:
                raise ValueError(_sentence(ids, size, f"batches of ids in [0, {noted[ids]})"))
        return dataset
    spec = dataset.element_spec
    is_pair = isinstance(spec, tuple)
    inputs = spec[0] if is_pair else spec
    if not isinstance(inputs, dict):
        raise TypeError(
            "`x` must be a dataset of {'user_id', 'item_id'}, or of tuples that begin with it. "
            f"Received: elements that begin with {type(inputs).__name__}."
        )
    for ids, of_ids in _ids_of(inputs).items():
        _check_dtype(ids, of_ids.dtype)

    def check(*element):
        tests = [_assertion(ids, element[0][ids], sizes[ids]) for ids in SIZES]
        with tf.control_dependencies(tests):
            ids = {name: tf.identity(element[0][name]) for name in SIZES}
        given = {**element[0], **ids}
        return (given, *element[1:]) if is_pair else given

    return dataset.map(check)


def _noted_ranges(dataset):
    while not hasattr(dataset, "deca_tf_ranges"):
        if type(dataset).__name__ not in SAME_ELEMENTS:
            return None
        dataset = getattr(dataset, "_input_dataset", None)
    return dataset.deca_tf_ranges


def _assertion(ids, values, size):
    least, largest = tf.reduce_min(values), tf.reduce_max(values)
    is_good = least >= 0
    if size is not None:
        is_good &= largest < tf.cast(size, values.dtype)
    before, after = _sentence(ids, size, "|").split("|")
    bad = tf.strings.as_string(tf.where(least < 0, least, largest))
    is_empty = tf.equal(tf.size(values), 0)
    return tf.debugging.Assert(is_good | is_empty, [tf.strings.join([before, bad, after])])


@contextlib.contextmanager
def _in_one_sentence():
    """An id that a dataset brought, without TensorFlow's account of where it came up."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(rf"`\w+_id` must be [^`]*?{re.escape(REMEDY)}", error.message)
        if found is None:
            raise
        raise ValueError(found.group()) from None
