"""Layout "pairs": clicks and sampled pairs, each with a loss of its own. See `_layouts`."""

import keras
from keras import ops

from deca_tf.denoisers.denoiser import logits_of
from deca_tf.training._batch_layout import flatten, flatten_weight, mean_per_label


def take(model, inputs, label, weight, rows):
    return *flatten(inputs, label, rows), flatten_weight(weight, label, rows)


def loss(model, phase, inputs, label, weight):
    logits = logits_of(model.target, inputs, training=True)
    example_loss = model.denoiser.compute_loss(
        phase, inputs, label, logits, model.optimizer.iterations
    )
    if weight is not None:  # beside whatever the denoiser lets the example weigh
        example_loss = weight * example_loss
    return mean_per_label(example_loss, label), logits


def read(model, logits, label):
    """The mean probability of each label."""
    probability = ops.sigmoid(logits)
    model.positive_prob.update_state(probability, sample_weight=label)
    model.negative_prob.update_state(probability, sample_weight=1.0 - label)


def evaluate(model, inputs, label, weight):
    """Cross-entropy: the same for every denoiser, so that validation curves can be compared."""
    weight = flatten_weight(weight, label)
    inputs, label, _ = flatten(inputs, label)
    logits = model.recommender(inputs, training=False)
    cross_entropy = keras.losses.binary_crossentropy(
        label[..., None], logits[..., None], from_logits=True
    )
    return cross_entropy if weight is None else cross_entropy * weight, None
