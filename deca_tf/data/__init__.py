"""Data: reads interactions from anywhere, splits them without leaks, streams them as batches."""

import importlib

from deca_tf.data.interactions import Interactions
from deca_tf.data.sources import load, load_split
from deca_tf.data.splits import LeakReport, Split, check_leaks
from deca_tf.data.splitters import split, split_chronological, split_hash, split_random

_LATE = {  # these bring TensorFlow or are rarely needed
    "training_batches": "deca_tf.data.batches",
    "training_batches_by_user": "deca_tf.data.batches",
    "validation_batches": "deca_tf.data.batches",
    "read_shards": "deca_tf.data.shards",
    "stream_shards": "deca_tf.data.streamed_split",
    "streamed_batches": "deca_tf.data.streaming",
    "write_shards": "deca_tf.data.shards",
    "synthetic": "deca_tf.data.sources.synthetic",
    "synthetic_split": "deca_tf.data.sources.synthetic",
}

__all__ = [
    "Interactions",
    "LeakReport",
    "Split",
    "check_leaks",
    "load",
    "load_split",
    "split",
    "split_chronological",
    "split_hash",
    "split_random",
    *_LATE,
]


def __getattr__(name):
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
