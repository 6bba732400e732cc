"""Refuses data that `fit` and `evaluate` cannot use, before any of it is used."""

import warnings

import numpy as np
import tensorflow as tf

from deca_tf.data import Interactions, Split
from deca_tf.data.streamed_split import StreamedInteractions

_KINDS = (
    "`{argument}` must be `Interactions` such as split.train, a `tf.data.Dataset` such as "
    "`deca_tf.training_batches` makes, or {{'user_id': ..., 'item_id': ...}}{labels}. "
)
_NAMES = {"user_id", "item_id"}


def check_sample_weight(weight):
    """Refuses weights of examples that are negative or no numbers, where they can be seen.

    Args:
        weight: an array, or anything else.

    Raises:
        ValueError: saying how many and which is the first.
    """
    if weight is None or (
        not hasattr(weight, "__array__") and not isinstance(weight, (list, tuple))
    ):
        return
    values = np.asarray(weight)
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"`sample_weight` must hold numbers. Received: values of type {values.dtype}."
        )
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise ValueError(
            f"`sample_weight` must hold finite numbers of at least 0. Received: {len(bad)} that "
            f"are not, the first is {values.reshape(-1)[bad[0]]} at position {bad[0]}."
        )


def check_labels(x, y):
    """Refuses labels that are missing or are neither 0 nor 1, where they can be seen.

    Args:
        x: ids by name, or anything else, which brings its labels.
        y: an array, or anything else.

    Raises:
        TypeError: labels that are no numbers, or in a list.
        ValueError: there are none, or saying how many are wrong and which is the first.
    """
    if y is None and isinstance(x, dict):
        raise ValueError(
            "`y` must be given beside ids by name: 1 for a click, 0 for none. Received: y=None. "
            "Give labels, or `Interactions` such as split.train, which need none, to `fit` and "
            "`evaluate`."
        )
    if isinstance(x, tf.data.Dataset):
        spec = x.element_spec
        if not isinstance(spec, tuple) or len(spec) < 2:
            raise ValueError(
                "`x` must be a dataset of `(ids, labels)`. Received: ids without labels. Make it "
                "by `deca_tf.training_batches(split.train)`."
            )
    if isinstance(y, (list, tuple)):  # several outputs to Keras
        raise TypeError(
            f"`y` must be an array. Received: a {type(y).__name__}. Give it `np.asarray(y)`."
        )
    if not hasattr(y, "__array__"):
        return
    values = np.asarray(y)
    if values.dtype.kind not in "biuf" and values.dtype.name != "bfloat16":
        raise TypeError(f"`y` must be 0 or 1. Received: values of type {values.dtype}.")
    bad = np.flatnonzero((values != 0) & (values != 1))
    if len(bad):
        raise ValueError(
            f"`y` must be 0 or 1. Received: {len(bad)} that are neither, the first is "
            f"{values.reshape(-1)[bad[0]]} at position {bad[0]}. Ratings are not labels: a pair "
            "that was rated is a click, `(rating > 0)`, and others are 0."
        )


def holds_pairs(argument, data, part="train"):
    """Whether data are interactions, which need batches yet.

    Refuses what is neither these nor batches.

    Args:
        argument: its name, for messages.
        data: what came for it.
        part: of a split, which it may be.
    """
    if isinstance(data, (Interactions, StreamedInteractions)):
        return True
    if isinstance(data, Split):
        raise TypeError(
            f"`{argument}` must be a part of a split. Received: a whole Split. Give it "
            f"`split.{part}`."
        )
    is_frame = hasattr(data, "columns")
    names = list(data.columns) if is_frame else list(data) if isinstance(data, dict) else None
    if is_frame or isinstance(data, str) or (names is not None and not set(names) >= _NAMES):
        kind = f"a {type(data).__name__}" + (f" of {names}" if names is not None else f" {data!r}")
        labels = "" if part == "test" else " with labels as `y`"
        raise TypeError(
            _KINDS.format(argument=argument, labels=labels) + f"Received: {kind}. Read a table by "
            "`split = deca_tf.load_split(table, user_column=..., item_column=...)` and give it "
            f"`split.{part}`."
        )
    return False


def refuse_value(name, value, remedy):
    if value is not None and value is not False and not (np.isscalar(value) and value == 0):
        received = f"{name}={value!r}"
        if hasattr(value, "shape"):
            received = f"`{name}` of type {type(value).__name__} and shape {tuple(value.shape)}"
        elif hasattr(value, "__len__") and not isinstance(value, str):
            received = f"`{name}` of type {type(value).__name__} and length {len(value)}"
        raise ValueError(
            f"`{name}` must be left out where `x` is Interactions. Received: {received}. {remedy}"
        )


def refuse_beside_interactions(given):
    """Refuses what `fit` can do nothing with where it makes the batches itself."""
    for name, remedy in {
        "y": "Every pair has been observed, and negatives are sampled.",
        "sample_weight": "Give each pair its weight: `Interactions(..., weight=...)`, or the "
        "option `weight_column` of `deca_tf.load_split`.",
        "validation_split": "Use `validation_data=split.validation`.",
    }.items():
        refuse_value(name, given.get(name), remedy)
    if not given.get("shuffle", True):
        raise ValueError(
            "`shuffle` must be left out where `x` is Interactions, whose pairs come in another "
            "random order in each epoch. Received: shuffle=False."
        )


def refuse_beside_batches(given, options):
    """Refuses what has been decided already where batches come from outside."""
    for name, value in options.items():
        raise ValueError(
            f"`{name}` must be left out where `x` is not Interactions, for then it has its "
            f"batches. Received: {name}={value!r}. Give it to `deca_tf.training_batches`."
        )
    if isinstance(given.get("x"), tf.data.Dataset):
        if given.get("batch_size") is not None:
            raise ValueError(
                "`batch_size` must be left out where `x` is a tf.data.Dataset, which is batched "
                f"already. Received: batch_size={given['batch_size']!r}."
            )
        given.setdefault("shuffle", False)  # Keras would warn that it cannot


def refuse_negatives(options, denoiser):
    """Refuses options of negatives under a denoiser that has none sampled for each click."""
    for name in ("num_negatives", "exclude_observed"):
        if name in options and denoiser.layout != "pairs":
            raise ValueError(
                f"`{name}` must be left out under {type(denoiser).__name__}, which compares a click "
                f"with the catalogue and draws nothing beside it. Received: "
                f"{name}={options[name]!r}."
            )


def warn_of_updates(batches, denoiser):
    """Says where batches of `training_batches` hold the pairs of another number of updates."""
    updates = getattr(batches, "deca_tf_updates_per_step", len(denoiser.phases))
    if updates != len(denoiser.phases):
        warnings.warn(
            f"A step of these batches holds the pairs of {updates} update(s), and the denoiser "
            f"makes {len(denoiser.phases)} of them, so that an update has fewer or more positives "
            f"than `batch_size`. Give `training_batches` updates_per_step={len(denoiser.phases)}, "
            "or `fit` the interactions.",
            stacklevel=3,
        )
