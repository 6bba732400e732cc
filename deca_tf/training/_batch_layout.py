"""What a batch of groups comes to.

The flat ids and labels that networks take, and a loss of all.
"""

import keras
from keras import ops


def unpack(data):
    """Ids, labels and weights of what `fit` gives a step; weights are None where there are none."""
    return keras.utils.unpack_x_y_sample_weight(data)


def flatten(inputs, label, rows=slice(None)):
    """Some rows of a batch, in the form that a target which knows nothing of groups can take.

    Returns:
        `(inputs, label, once)`: ids and labels `(n,)`, and once more the ids, but a group's user
        once if that is how the batch has it.
    """
    label = label[rows]
    flat, once = {}, {}
    for name in ("user_id", "item_id"):
        ids = inputs[name][rows]
        flat[name] = once[name] = ops.reshape(ops.broadcast_to(ids, ops.shape(label)), (-1,))
        if ids.shape[1:] != label.shape[1:]:
            once[name] = ops.reshape(ids, (-1,))
    return flat, ops.cast(ops.reshape(label, (-1,)), "float32"), once


def flatten_weight(weight, label, rows=slice(None)):
    """Weights of some rows of a batch, as `flatten` lays them out, or None.

    Args:
        weight: of the label's shape, or `(batch,)`, a weight for all examples of a row; or None.
        label: of the batch.
        rows: as for `flatten`.

    Returns:
        float32 `(n,)`.
    """
    if weight is None:
        return None
    weight = ops.cast(weight, "float32")
    while len(weight.shape) < len(label.shape):
        weight = weight[..., None]
    label = label[rows]
    return ops.reshape(ops.broadcast_to(weight[rows], ops.shape(label)), (-1,))


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
