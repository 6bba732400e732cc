"""The penalty on the recommender's weights: Algorithm 1, line 10."""

import tensorflow as tf

from deca_tf.embeddings.blocks import half_squares_in_blocks, pays
from deca_tf.embeddings.ordering import zero_after

KINDS = ("squares", "norms")


def penalty_of(weights, l2, kind, compiled=False):
    """What the penalty is, and how it pulls at each weight.

    A tape would make a table of the penalty's gradient, and a third of it and the loss's; the pulls
    need none.

    Args:
        weights: Keras variables.
        l2: weight of the penalty, above 0.
        kind: "squares", `l2 / 2 * sum of squares`; or "norms", `l2 * sum over weights of their
            norm`.
        compiled: whether this becomes part of what XLA compiles.

    Returns:
        `(value, pulls)`: a scalar, and for each weight the factor which, times the weight, is its gradient. All weights
        have been read before there is a pull.
    """
    half_squares = [
        half_squares_in_blocks(tf.convert_to_tensor(weight))
        if compiled and pays(weight)
        else tf.nn.l2_loss(weight)
        for weight in weights
    ]
    if kind == "squares":
        value = l2 * sum(half_squares)
        return value, [l2 + zero_after(value, value.dtype)] * len(weights)
    norms = [tf.sqrt(2.0 * half + 1e-12) for half in half_squares]  # the root has no slope at 0
    return l2 * sum(norms), [l2 / norm for norm in norms]
