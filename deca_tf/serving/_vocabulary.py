"""Raw ids to rows and back, in the graph."""

import tensorflow as tf


class Vocabulary(tf.Module):
    """Strings, each with a row.

    Args:
        raw_ids: list of strings; the row of each is its place.
        name: of the module.
    """

    def __init__(self, raw_ids, name):
        super().__init__(name=name)
        self.size = len(raw_ids)
        rows = tf.range(self.size, dtype=tf.int32)
        self._rows = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(raw_ids, tf.string), rows),
            default_value=self.size,
        )
        # A variable, not a constant: it is read from the checkpoint, while a constant would swell
        # the graph, which is parsed on loading and must stay below 2 GB.
        self._raw_ids = tf.Variable(tf.constant(raw_ids, tf.string), trainable=False)

    def rows(self, raw_ids):
        """Int32 rows of strings of any shape; `size` for one that is not in the vocabulary."""
        return self._rows.lookup(raw_ids)

    def raw_ids(self, rows):
        """Strings of rows below `size`, of any shape."""
        return tf.gather(self._raw_ids, rows)
