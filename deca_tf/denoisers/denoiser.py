"""The contract every denoising method keeps: which networks, which phases, which loss."""

import keras


class Denoiser(keras.layers.Layer):
    """How to learn from labels that lie; knows nothing of the target's architecture, nor of optimizers.

    A training step walks `phases` in order. Each phase gets its own share of the batch, and one update
    of the target and of `trainable_networks(phase)`. Being a layer, a denoiser carries its networks
    into `.keras` files and under `tf.distribute` strategies.
    """

    phases = ("train",)

    def trainable_networks(self, phase):
        """Networks, beside the target, that learn in this phase: a tuple of Keras models."""
        return ()

    def compute_loss(self, phase, inputs, label, target_logits, update):
        """The loss of each example.

        Args:
            phase: one of `phases`.
            inputs: `{"user_id", "item_id"}`, integer tensors `(batch,)`.
            label: 1 observed, 0 sampled, float tensor `(batch,)`.
            target_logits: the target's logits, `(batch,)`.
            update: number of updates made so far, an integer scalar tensor, for schedules.

        Returns:
            Losses in nats, `(batch,)`.
        """
        raise NotImplementedError

    def posterior(self, inputs, target_prob):
        """P(real preference | observed), `(batch,)`; methods without noise models answer the target's probability."""
        return target_prob


def check_choice(name, value, choices):
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {listed}. Received: {name}={value!r}.")
    return value


def check_range(name, value, low, high=float("inf")):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        bounds = f"in [{low}, {high}]" if high != float("inf") else f"at least {low}"
        raise ValueError(f"`{name}` must be a number {bounds}. Received: {name}={value!r}.")
    return float(value)
