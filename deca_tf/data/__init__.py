"""Data: reads interactions from anywhere, splits them without leaks, streams them as batches."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.data.batches import training_batches as training_batches
    from deca_tf.data.batches import validation_batches as validation_batches
    from deca_tf.data.batches_by_user import (
        training_batches_by_user as training_batches_by_user,
    )
    from deca_tf.data.batches_of_users import training_batches_of_users as training_batches_of_users
    from deca_tf.data.interactions import Interactions as Interactions
    from deca_tf.data.shards import read_shards as read_shards
    from deca_tf.data.shards import write_shards as write_shards
    from deca_tf.data.sources import load as load
    from deca_tf.data.sources import load_split as load_split
    from deca_tf.data.sources.synthetic import synthetic as synthetic
    from deca_tf.data.sources.synthetic import synthetic_split as synthetic_split
    from deca_tf.data.splits import LeakReport as LeakReport
    from deca_tf.data.splits import Split as Split
    from deca_tf.data.splits import check_leaks as check_leaks
    from deca_tf.data.splitters import split as split
    from deca_tf.data.splitters import split_chronological as split_chronological
    from deca_tf.data.splitters import split_hash as split_hash
    from deca_tf.data.splitters import split_random as split_random
    from deca_tf.data.streamed_split import stream_shards as stream_shards
    from deca_tf.data.streaming import streamed_batches as streamed_batches
    from deca_tf.data.timeline import split_timeline as split_timeline
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "Interactions": ".interactions",
            "LeakReport": ".splits",
            "Split": ".splits",
            "check_leaks": ".splits",
            "load": ".sources",
            "load_split": ".sources",
            "read_shards": ".shards",
            "split": ".splitters",
            "split_chronological": ".splitters",
            "split_hash": ".splitters",
            "split_random": ".splitters",
            "split_timeline": ".timeline",
            "stream_shards": ".streamed_split",
            "streamed_batches": ".streaming",
            "synthetic": ".sources.synthetic",
            "synthetic_split": ".sources.synthetic",
            "training_batches": ".batches",
            "training_batches_by_user": ".batches_by_user",
            "training_batches_of_users": ".batches_of_users",
            "validation_batches": ".batches",
            "write_shards": ".shards",
        },
    )
