"""The penalty on the recommender's weights: Algorithm 1, line 10."""

import tensorflow as tf

from deca_tf.embeddings.blocks import half_squares_in_blocks, pays
from deca_tf.embeddings.ordering import zero_after

KINDS = ("squares", "norms")


def weight_of(l2, kind, num_users):
    """What the penalty weighs in an update's loss.

    Args:
        l2: the paper's lambda, at least 0.
        kind: "squares", of which each user bears a share; or "norms".
        num_users: None where it is not known.

    Raises:
        ValueError: it has to be known and is not.
    """
    if not l2 or kind == "norms":
        return l2
    if num_users is None:
        raise ValueError(
            "`num_users` must be given where the target has none, for `l2` is the paper's lambda "
            f"and is divided by it. Received: l2={l2}, num_users=None. Write for example "
            "`DeCAModel(target, denoiser, l2=0.1, num_users=split.num_users)`."
        )
    return l2 / num_users


def penalty_of(weights, weight, kind, compiled=False):
    """What the penalty is, and how it pulls at each weight.

    A tape would make a table of the penalty's gradient, and a third of it and the loss's; the pulls
    need none.

    Args:
        weights: Keras variables.
        weight: of the penalty, above 0; see `weight_of`.
        kind: "squares", `weight / 2 * sum of squares`; or "norms", `weight * sum over weights of
            their norm`.
        compiled: whether this becomes part of what XLA compiles.

    Returns:
        `(value, pulls)`: a scalar, and for each weight the factor which, times the weight, is its
        gradient. All weights have been read before there is a pull.
    """
    half_squares = [
        half_squares_in_blocks(tf.convert_to_tensor(variable))
        if compiled and pays(variable)
        else tf.nn.l2_loss(variable)
        for variable in weights
    ]
    if kind == "squares":
        value = weight * sum(half_squares)
        return value, [weight + zero_after(value, value.dtype)] * len(weights)
    norms = [tf.sqrt(2.0 * half + 1e-12) for half in half_squares]  # the root has no slope at 0
    return weight * sum(norms), [weight / norm for norm in norms]
