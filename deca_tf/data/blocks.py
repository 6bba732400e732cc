"""Blocks of interactions: what one record of a folder of shards holds.

A record is a `tf.train.Example` of up to 4,096 interactions: lists of equal length, `user_id` and
`item_id` (dense), and those of `timestamp`, `rating`, `dwell`, `is_noisy` and `weight` that there
are. One record for each row would take as long to parse as it takes to train on.
"""

import numpy as np
import tensorflow as tf

from deca_tf.data import schema

BLOCK_ROWS = 4096

_FLOATS = (schema.RATING, schema.DWELL, schema.WEIGHT)


def encode_blocks(interactions):
    """The records of some interactions, in the order of their rows.

    Args:
        interactions: `Interactions`; raw ids are left out.

    Returns:
        Iterator of serialized `tf.train.Example`, of `BLOCK_ROWS` rows each, the last one of fewer.
    """
    columns = {
        name: getattr(interactions, name)
        for name in schema.COLUMNS
        if getattr(interactions, name) is not None
    }
    if schema.IS_NOISY in columns:
        columns[schema.IS_NOISY] = columns[schema.IS_NOISY].astype(np.int8)
    for start in range(0, len(interactions), BLOCK_ROWS):
        example = tf.train.Example()
        for name, values in columns.items():
            block = values[start : start + BLOCK_ROWS].tolist()
            feature = example.features.feature[name]
            (feature.float_list if name in _FLOATS else feature.int64_list).value.extend(block)
        yield example.SerializeToString(deterministic=True)


def parse_blocks(records, columns):
    """Many records as flat columns; runs inside a graph too.

    Args:
        records: string tensor `(records,)`.
        columns: names of the columns to read.

    Returns:
        `{name: tensor (rows,)}`, int64, float32 for ratings, dwell times and weights, bool for
        `is_noisy`.

    Raises:
        tf.errors.InvalidArgumentError: no block, or one whose columns differ in length.
    """
    features = {
        name: tf.io.RaggedFeature(tf.float32 if name in _FLOATS else tf.int64) for name in columns
    }
    parsed = tf.io.parse_example(records, features)
    lengths = parsed[schema.USER_ID].row_lengths()
    equal = [tf.reduce_all(parsed[name].row_lengths() == lengths) for name in columns]
    check = tf.debugging.Assert(
        tf.reduce_all(equal), [f"a block whose columns {columns} differ in length."]
    )
    with tf.control_dependencies([check] if check is not None else []):
        flat = {name: tf.identity(parsed[name].flat_values) for name in columns}
    if schema.IS_NOISY in flat:
        flat[schema.IS_NOISY] = tf.cast(flat[schema.IS_NOISY], tf.bool)
    return flat


def columns_of(files):
    """Names of the columns of the first record; the ids where there is none."""
    for record in tf.data.TFRecordDataset(files, "GZIP").take(1):
        try:
            features = tf.train.Example.FromString(record.numpy()).features.feature
        except Exception as error:  # protobuf's, which has no public name
            raise tf.errors.DataLossError(None, None, f"{error}.") from None
        return [name for name in schema.COLUMNS if name in features]
    return [schema.USER_ID, schema.ITEM_ID]
