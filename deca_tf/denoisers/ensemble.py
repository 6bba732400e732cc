"""Two models of different seeds, and their mean: the plain way to average noise out."""

from typing import Any, Self

import keras
import tensorflow as tf
from keras import ops

from deca_tf._registry import deserialize
from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser, logits_of
from deca_tf.parts.options import network
from deca_tf.parts.seeds import derived_seed


class Ensemble(Denoiser):
    """Trains the target and a partner by cross-entropy; the mean of their probabilities recommends.

    Paper: section 4.1.3, "Ensemble". The two see the same batches and share nothing but them.

    Stability: stable.
    """

    partner: keras.Model | None = network(
        default=None,
        doc="A second model like the target, with other initial weights. None: a backbone as the "
        "target with a seed of its own; `DeCAModel` has it made.",
    )

    def make_network(self, role: str, target: keras.Model) -> keras.Model:
        """A backbone as the target, adapted to the same data, with other initial weights."""
        if not hasattr(target, "seed") or "seed" not in target.get_config():
            raise ValueError(
                f"`target` must be a backbone for Ensemble to make `{role}`. Received: a "
                f"{type(target).__name__}, whose config has no `seed`. Pass it: "
                f"`Ensemble({role}=...)`."
            )
        config = {**target.get_config(), "seed": derived_seed(target.seed, role)}
        config.pop("name")
        network = type(target).from_config(config)
        for weight, given in zip(
            network.non_trainable_weights, target.non_trainable_weights, strict=True
        ):
            weight.assign(given)
        return network

    def trainable_networks(self, phase: str) -> tuple[keras.Model, ...]:
        return (self.partner,)

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        # The sum, for its gradient with respect to each member is that of the member's own loss.
        partner_logits = logits_of(self.partner, inputs, training=True)
        return objectives.binary_cross_entropy(
            target_logits, label
        ) + objectives.binary_cross_entropy(partner_logits, label)

    def recommender(self, target: keras.Model) -> keras.Model:
        return MeanOfTwo(target, self.partner)


@keras.saving.register_keras_serializable(package="deca_tf")
class MeanOfTwo(keras.Model):
    """From `{"user_id", "item_id"}` to the logit of the mean probability of two models.

    It has no weights but theirs. Sizes and `score_all_items` are there if the models have them.

    Args:
        first, second: models from `{"user_id", "item_id"}` to logits.

    Attributes:
        members: the two, for whoever has a faster way to all their scores, to put them together by
            `combine_scores` or to take its place in `with_members`.
    """

    def __init__(self, first: keras.Model, second: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = first
        self.second = second
        for size in ("num_users", "num_items"):
            if hasattr(first, size):
                setattr(self, size, getattr(first, size))
        if hasattr(first, "score_all_items") and hasattr(second, "score_all_items"):
            self.score_all_items = self._score_all_items
        self.built = True

    @property
    def members(self) -> tuple[keras.Model, keras.Model]:
        return self.first, self.second

    def with_members(self, first: keras.Model, second: keras.Model) -> Self:
        """The same of two other models."""
        return type(self)(first, second)

    def call(self, inputs: dict[str, tf.Tensor], training: bool | None = None) -> tf.Tensor:
        return self.combine_scores(*(member(inputs, training=training) for member in self.members))

    def _score_all_items(self, user_ids):
        """Logits of every item for each user, `(batch,)` to `(batch, num_items)`."""
        return self.combine_scores(
            *(ops.convert_to_tensor(member.score_all_items(user_ids)) for member in self.members)
        )

    @staticmethod
    def combine_scores(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        """From the members' logits to the ensemble's, of any shape."""
        return objectives.logit_of_mean_probability(first, second)

    def get_config(self) -> dict[str, Any]:
        members = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("first", "second")
        }
        return {**super().get_config(), **members}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(
            **{
                **config,
                "first": deserialize(config["first"]),
                "second": deserialize(config["second"]),
            }
        )
