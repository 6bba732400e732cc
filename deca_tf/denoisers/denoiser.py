"""The contract every denoising method keeps: which networks, which phases, which loss."""

import typing
from typing import Any, Self

import keras
import tensorflow as tf

from deca_tf._registry import deserialize
from deca_tf.data.interactions import Interactions
from deca_tf.denoisers.user_scores import UserScores
from deca_tf.parts.part import Part, register


class Denoiser(Part, keras.layers.Layer, family="denoiser"):
    """How to learn from labels that lie; knows neither the target's architecture nor optimizers.

    A training step walks `phases` in order. Each phase gets its own share of the batch, and one
    update of the target and of `trainable_networks(phase)`. Being a layer, a denoiser carries its
    networks into `.keras` files and under `tf.distribute` strategies. A subclass declares its
    options and networks; Keras knows it by its name, for saved files.

    Attributes:
        layout: what an update sees: "pairs", clicks and sampled pairs, each with a loss of its own,
            by `compute_loss`; "clicks", each among candidates that all share, by
            `compute_click_loss`; or "users", each with his whole history, by `compute_user_loss`.
        phases: names of the updates that a step makes.
        networks: names of the constructor's arguments that are networks, as declared.
        negatives: how negatives are drawn for the method, a row of `NEGATIVES` in
            data.negative_sampling.
        gives_probabilities: whether the sigmoid of the recommender's logit is a probability, which
            is so where the loss is one of labels of pairs. Where it is not, nothing reports or
            exports one.
        fewest_clicks: of layout "users": those with fewer are left out, since they teach nothing.
        searches_l2: whether a search for settings looks for `training.l2`; else it stays as it is.

    Stability: stable.
    """

    layout: typing.ClassVar[str] = "pairs"
    phases: typing.ClassVar[tuple[str, ...]] = ("train",)
    networks: typing.ClassVar[tuple[str, ...]] = ()
    negatives: typing.ClassVar[str] = "uniform"
    gives_probabilities: typing.ClassVar[bool] = True
    fewest_clicks: typing.ClassVar[int] = 1
    searches_l2: typing.ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register(cls)
        declared = tuple(name for name, each in cls.declared.items() if each.is_network)
        cls.networks = declared or cls.networks

    needs_data = False  # whether `adapt` must still see the training data before the first update

    def build(self, input_shape: Any = None) -> None:
        self.built = True  # it has no weights but its networks'

    def adapt(self, interactions: Interactions) -> None:
        """Takes in what the method needs to know of the training data: nothing, for most.

        Called once, before training, with `split.train`. What it keeps are weights, so that a run
        can be resumed.
        """

    def complete(self, target: keras.Model) -> None:
        """Makes the networks that were not given, by `make_network`; `DeCAModel` calls it first.

        Args:
            target: the model that is trained.

        Raises:
            ValueError: one is missing and cannot be made.
        """
        for role in self.networks:
            if getattr(self, role) is None:
                setattr(self, role, self.make_network(role, target))

    def make_network(self, role: str, target: keras.Model) -> keras.Model:
        """An untrained network for a role that was left open, if the method knows which."""
        raise ValueError(
            f"`{role}` must be a model from {{'user_id', 'item_id'}} to logits. Received: "
            f"{role}=None. Pass it: `{type(self).__name__}({role}=...)`."
        )

    def on_epoch_end(self, target: keras.Model) -> None:
        """Reweights by an epoch, outside the graph: `DeCAModel.fit` calls it after each one."""

    def recommender(self, target: keras.Model) -> keras.Model:
        """The model that is evaluated and shipped: the target, unless there are more than one."""
        return target

    def trainable_networks(self, phase: str) -> tuple[keras.Model, ...]:
        """Networks, beside the target, that learn in this phase: a tuple of Keras models."""
        return ()

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
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

    def compute_click_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        click_logits: tf.Tensor,
        candidate_logits: tf.Tensor,
        candidate_weight: tf.Tensor,
        update: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss of each click among candidates, of layout "clicks".

        The candidates stand for the whole catalogue but the click: they are all of it, or a pool
        that is drawn for each update and shared by its clicks. A sum over the rest of the catalogue
        is estimated, without bias, by the weighted sum over the candidates.

        Args:
            phase: one of `phases`.
            inputs: `{"user_id", "item_id"}`, the clicks, integer tensors `(batch,)`, and
                "candidate_id" `(m,)`.
            click_logits: the target's logits of the clicks, `(batch,)`.
            candidate_logits: of each click's user and each candidate, `(batch, m)`.
            candidate_weight: how many items a candidate stands for, `(batch, m)`: 1 of the whole
                catalogue, more of a pool, and 0 where it is the click itself.
            update: number of updates made so far, an integer scalar tensor, for schedules.

        Returns:
            `(loss, share)`, both `(batch,)`: losses in nats, and the click's share among all items,
            in [0, 1], which is monitored and not differentiated.
        """
        raise NotImplementedError

    def compute_user_loss(self, phase: str, scores: UserScores, update: tf.Tensor) -> tf.Tensor:
        """The loss of each user, of layout "users".

        Args:
            phase: one of `phases`.
            scores: the target's scores of the users' clicks and, in sums, of all items.
            update: number of updates made so far, an integer scalar tensor, for schedules.

        Returns:
            Losses `(users,)`.
        """
        raise NotImplementedError

    def read_users(self, scores: UserScores) -> tuple[tf.Tensor, tf.Tensor]:
        """What is monitored of layout "users", not differentiated.

        Args:
            scores: as of `compute_user_loss`.

        Returns:
            Means over each user's clicks and over other items, `(users,)` each, of a figure that is
            larger where the model expects a click: here the share under a softmax.
        """
        of_click = tf.gather(scores.log_sum_exp, tf.maximum(scores.user, 0))
        share = tf.exp(scores.logits - of_click)
        return scores.mean_of_clicks(share), scores.mean_of_others(1.0, share)

    def posterior(self, inputs: dict[str, tf.Tensor], target_prob: tf.Tensor) -> tf.Tensor:
        """P(real preference | observed), `(batch,)`.

        Without noise models the target's probability.
        """
        return target_prob

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        networks = {name: deserialize(config[name]) for name in cls.networks if name in config}
        return super().from_config({**config, **networks})


def logits_of(network, inputs, **options):
    """A network's logits in float32, in which losses are worked out.

    The network may compute in another dtype.
    """
    return keras.ops.cast(network(inputs, **options), "float32")
