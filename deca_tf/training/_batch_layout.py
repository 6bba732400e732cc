"""What a batch of groups comes to: the flat ids and labels that networks take, and a loss of all."""

import keras
from keras import ops


def unpack(data):
    """Ids and labels of what `fit` gives a step; weights of examples are refused."""
    inputs, label, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError(
            "`sample_weight` must be None, in validation data too: the denoiser weighs the "
            "examples. Received: "
            f"a tensor of shape {sample_weight.shape}."
        )
    return inputs, label


def flatten(inputs, label, rows=slice(None)):
    """Some rows of a batch, in the form that a target which knows nothing of groups can take.

    Returns:
        `(inputs, label, once)`: ids and labels `(n,)`, and once more the ids, but a group's user once if that is how
        the batch has it.
    """
    label = label[rows]
    flat, once = {}, {}
    for name in ("user_id", "item_id"):
        ids = inputs[name][rows]
        flat[name] = once[name] = ops.reshape(ops.broadcast_to(ids, ops.shape(label)), (-1,))
        if ids.shape[1:] != label.shape[1:]:
            once[name] = ops.reshape(ids, (-1,))
    return flat, ops.cast(ops.reshape(label, (-1,)), "float32"), once


def mean_per_label(values, label):
    """Mean over the positives plus mean over the negatives; a label that is absent adds nothing.

    Args:
        values: losses `(batch,)`.
        label: 1 or 0, `(batch,)`.
    """
    positives = ops.sum(label)
    negatives = ops.sum(1.0 - label)
    weights = label / ops.maximum(positives, 1.0) + (1.0 - label) / ops.maximum(negatives, 1.0)
    return ops.sum(values * weights)
