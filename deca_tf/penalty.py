"""The penalty on the recommender's weights: Algorithm 1, line 10."""

import tensorflow as tf

KINDS = ("squares", "norms")


def penalty_of(weights, l2, kind):
    """What the penalty is, and how it pulls at each weight.

    A tape would make a table of the penalty's gradient, and a third of it and the loss's; the pulls need none.

    Args:
        weights: Keras variables.
        l2: weight of the penalty, above 0.
        kind: "squares", `l2 / 2 * sum of squares`; or "norms", `l2 * sum over weights of their norm`.

    Returns:
        `(value, pulls)`: a scalar, and for each weight the factor which, times the weight, is its gradient.
    """
    half_squares = [tf.nn.l2_loss(weight) for weight in weights]
    if kind == "squares":
        return l2 * sum(half_squares), [l2] * len(weights)
    norms = [tf.sqrt(2.0 * half + 1e-12) for half in half_squares]  # the root has no slope at 0
    return l2 * sum(norms), [l2 / norm for norm in norms]
