"""Random bits as a function of a number, the same by XLA and without it."""

import tensorflow as tf


def mixed_bits(bits):
    """A permutation of uint32 of which each bit depends on all.

    XLA's own generator draws other numbers than TensorFlow's, and takes longer.

    Source: the finalizer of MurmurHash3, https://github.com/aappleby/smhasher.

    Args:
        bits: uint32 tensor of any shape.
    """
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        bits = (bits ^ tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint32))) * tf.constant(
            factor, tf.uint32
        )
    return bits ^ tf.bitwise.right_shift(bits, tf.constant(16, tf.uint32))
