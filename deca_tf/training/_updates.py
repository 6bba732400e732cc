"""One update of a phase: its gradients, its penalty, its optimizers."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from deca_tf.embeddings.lookups import Lookups
from deca_tf.embeddings.row_gradients import dense_if_small, row_gradients, whole, whole_if_unknown
from deca_tf.training._layouts import layout_of
from deca_tf.training._penalty import penalty_of


class PhaseUpdates:
    """The part of `DeCAModel` that updates weights; it is mixed into a Keras model."""

    def _update(self, phase, inputs, label, once, weight=None):
        everywhere, only_here = self._split_by_phase(phase, self.denoiser.trainable_networks(phase))
        variables = everywhere + only_here
        if self._is_lazy:
            pulls = {}
            gradients = self._row_gradients(phase, variables, inputs, label, once, weight)
        else:
            penalty, pulls = self._penalty()
            with Lookups(inputs, once):
                gradients = self._gradients(phase, variables, inputs, label, weight, penalty)
        self._apply(self.optimizer, gradients[: len(everywhere)], everywhere, pulls)
        if only_here:
            self._apply(
                self.phase_optimizers[phase], gradients[len(everywhere) :], only_here, pulls
            )

    def _gradients(self, phase, sources, inputs, label, weight=None, penalty=0.0):
        """Of the loss but for the penalty, for each source a tensor, a `tf.IndexedSlices` or None.

        Counts metrics.
        """
        with tf.GradientTape() as tape:
            tape.watch([source for source in sources if isinstance(source, tf.Tensor)])
            layout = layout_of(self.denoiser)
            loss, outputs = layout.loss(self, phase, inputs, label, weight)
            loss = sum(self._own_losses(phase), start=loss)
            # Keras sums gradients over devices, so each device contributes its share of the mean.
            scaled = loss / self.distribute_strategy.num_replicas_in_sync
        self.loss_mean.update_state(loss + penalty)
        layout.read(self, outputs, label)
        return tape.gradient(scaled, sources)

    def _own_losses(self, phase):
        """What the networks that learn add to the loss, scalars: by regularizers and `add_loss`."""
        networks = (self.target, *self.denoiser.trainable_networks(phase))
        losses = [loss for network in networks for loss in network.losses]
        if losses and self._is_lazy:
            raise ValueError(
                f"Networks must have no losses of their own under {type(self.optimizer).__name__}, "
                f"which sees no whole table. Received: {len(losses)} from regularizers or "
                "`add_loss`. Leave them out, or choose `deca_tf.optimizers.Adam`."
            )
        return [ops.cast(loss, "float32") for loss in losses]

    def _row_gradients(self, phase, variables, inputs, label, once, weight=None):
        """As `_gradients`, with the penalty's, and by rows where few of a table's are looked up."""
        replicas = self.distribute_strategy.num_replicas_in_sync

        def differentiate(sources, inputs, label_and_weight):
            gradients = self._gradients(phase, sources, inputs, *label_and_weight)
            return self._with_penalty(
                [dense_if_small(gradient, replicas) for gradient in gradients], sources
            )

        return row_gradients(
            differentiate,
            variables,
            inputs,
            (label,) if weight is None else (label, weight),
            once,
            replicas=replicas,
            compiled=self.jit_compile,
        )

    def _apply(self, optimizer, gradients, variables, pulls):
        def apply(gradients, pulls):
            optimizer.apply(
                [whole(*given) for given in zip(gradients, variables, pulls, strict=True)],
                variables,
            )

        pulls = [pulls.get(id(variable)) for variable in variables]
        if self._is_lazy:
            optimizer.apply(gradients, variables)
        elif self.jit_compile or self.run_eagerly or tf.distribute.has_strategy():
            apply(gradients, pulls)
        # A target that XLA cannot compile: the optimizer alone still makes one pass of its dozen
        # over each table.
        else:
            gradients = [
                whole_if_unknown(*given) for given in zip(gradients, variables, strict=True)
            ]
            tf.function(apply, jit_compile=True, autograph=False)(gradients, pulls)

    def _penalty(self):
        """Its value, and by each weight's id a device's share of the gradient."""
        if not self.penalty_weight:
            return 0.0, {}
        weights = self.recommender.trainable_variables
        value, pulls = penalty_of(weights, self.penalty_weight, self.penalty, self.jit_compile)
        share = 1.0 / self.distribute_strategy.num_replicas_in_sync
        return ops.cast(value, "float32"), {
            id(weight): share * pull for weight, pull in zip(weights, pulls, strict=True)
        }

    @property
    def _is_lazy(self):
        """Whether the optimizer takes gradients of lookups by rows.

        It then takes the penalty on these rows upon itself.
        """
        return getattr(self.optimizer, "takes_row_gradients", False)

    def _with_penalty(self, gradients, sources):
        """Adds the penalty's gradient to those of whole weights.

        What is dense is small, or is read whole anyway.
        """
        penalized = {id(weight) for weight in self.recommender.trainable_variables}
        share = self.penalty_weight / self.distribute_strategy.num_replicas_in_sync
        return [
            gradient + share * tf.convert_to_tensor(source)
            if share and isinstance(gradient, tf.Tensor) and id(source) in penalized
            else gradient
            for gradient, source in zip(gradients, sources, strict=True)
        ]

    def _split_by_phase(self, phase, networks):
        """Variables that learn in every phase, and those that learn in this one but not in all."""
        others = [self.denoiser.trainable_networks(other) for other in self.denoiser.phases]
        shared = [n for n in networks if all(any(n is m for m in other) for other in others)]
        own = self.denoiser.trainable_variables
        of_networks = {
            id(v)
            for name in self.denoiser.networks
            for v in getattr(self.denoiser, name).trainable_variables
        }
        everywhere = [
            *self.target.trainable_variables,
            *(v for v in own if id(v) not in of_networks),
            *(v for n in shared for v in n.trainable_variables),
        ]
        only_here = [
            v for n in networks if not any(n is m for m in shared) for v in n.trainable_variables
        ]
        return everywhere, only_here

    # Optimizers: a network that learns in one phase only needs Adam's step count of its own, or its
    # bias correction would count the updates it sat out. It follows the main one's learning rate.

    def make_train_function(self, force: bool = False) -> Any:
        self._build_optimizers()
        force = force or self._traced_steps != self.steps_per_execution
        self._traced_steps = self.steps_per_execution
        compiles = self.jit_compile
        if self._is_lazy:
            # XLA is slow at reading and writing rows: it gets the arithmetic alone, and TensorFlow
            # moves them.
            self.jit_compile = False
        try:
            super().make_train_function(force)
        finally:
            self.jit_compile = compiles

    def get_compile_config(self) -> dict[str, Any] | None:
        if self.compiled:
            # Before saving, so that the file has the slots that a loaded model has
            self._build_optimizers()
        return super().get_compile_config()

    def compile_from_config(self, config: dict[str, Any]) -> None:
        # Keras would build the one optimizer for all weights; here each gets only those it moves.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self._build_optimizers()

    def _build_optimizers(self):
        if self._optimizers_built_for is self.optimizer:
            return
        with self.distribute_strategy.scope():
            self.phase_optimizers = {}
            for phase in self.denoiser.phases:
                everywhere, only_here = self._split_by_phase(
                    phase, self.denoiser.trainable_networks(phase)
                )
                self.optimizer.build(everywhere)
                if only_here:
                    config = {
                        **self.optimizer.get_config(),
                        "learning_rate": lambda: self.optimizer.learning_rate,
                    }
                    self.phase_optimizers[phase] = type(self.optimizer).from_config(config)
                    self.phase_optimizers[phase].build(only_here)
        if self._is_lazy and self.penalty_weight:
            if self.penalty != "squares":
                raise ValueError(
                    f"`penalty` must be 'squares' under {type(self.optimizer).__name__}, which "
                    "sees no whole table. "
                    f"Received: penalty={self.penalty!r}. Choose it, or `deca_tf.optimizers.Adam`."
                )
            for optimizer in (self.optimizer, *self.phase_optimizers.values()):
                optimizer.penalize(self.recommender.trainable_variables, self.penalty_weight)
        self._optimizers_built_for = self.optimizer

    def _catch_up(self):
        for optimizer in (self.optimizer, *self.phase_optimizers.values()):
            optimizer.catch_up()
