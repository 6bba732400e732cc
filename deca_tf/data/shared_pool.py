"""A pool of items that all clicks of an update share, in place of the whole catalogue."""

import numpy as np
import tensorflow as tf

from deca_tf._checks import check_integer
from deca_tf.data.hashing import mixed_bits


class SharedPool:
    """Draws some items of a catalogue, a number of times anew.

    The catalogue is cut into as many runs of ids as items are drawn, and of each run one item is
    drawn uniformly. So no two of a pool are equal, they come in rising order, and a sum over all
    items is estimated, without bias, by the sum over the pool in which each counts as many times as
    its run is long.

    Args:
        size: items of a pool, at most all.
        num_items: items of the catalogue.
        seed: integer; with the same one and the same number the same pool is drawn, by XLA too.

    Attributes:
        stands_for: for how many items each of a pool stands, float32 `(size,)`.
    """

    def __init__(self, size, num_items, seed=0):
        self.size, self.num_items = check_integer("size", size), num_items
        if size > num_items:
            raise ValueError(
                f"`size` must be at most the number of items, {num_items}. Received: size={size}."
            )
        ends = np.arange(size + 1, dtype=np.int64) * num_items // size
        self._first, self._length = ends[:-1].astype(np.int32), np.diff(ends)
        self.stands_for = self._length.astype(np.float32)
        self._seed = check_integer("seed", seed, low=0) & 0xFFFFFFFF

    def __call__(self, number):
        """A pool: int32 `(size,)`, rising.

        Args:
            number: integer or integer scalar tensor, which pool, below 2**32.
        """
        key = mixed_bits(
            mixed_bits(tf.constant(self._seed, tf.uint32))
            ^ tf.cast(tf.convert_to_tensor(number), tf.uint32)
        )
        places = tf.constant(np.arange(self.size, dtype=np.uint32))
        bits = tf.cast(mixed_bits(mixed_bits(places) ^ key), tf.int64)
        return self._first + tf.cast(
            tf.bitwise.right_shift(bits * self._length, tf.constant(32, tf.int64)), tf.int32
        )

    def place_of(self, item_ids):
        """Which of a pool's items would be an item, if it was drawn: int32 of the ids' shape."""
        ends = (tf.cast(item_ids, tf.int64) + 1) * self.size
        return tf.cast((ends - 1) // self.num_items, tf.int32)
