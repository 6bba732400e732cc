"""A hash against values of its author's."""

import numpy as np
import tensorflow as tf

from deca_tf.data.hashing import mixed_bits


def test_bits_are_those_of_murmur_hash_3():
    """MurmurHash3_x86_32 of no bytes is its finalizer of the seed; known from its test vectors."""
    seeds = tf.constant([0, 1, 0xFFFFFFFF], tf.uint32)
    expected = np.array([0, 0x514E28B7, 0x81F16F39], np.uint32)
    np.testing.assert_array_equal(mixed_bits(seeds), expected)
    np.testing.assert_array_equal(tf.function(mixed_bits, jit_compile=True)(seeds), expected)
