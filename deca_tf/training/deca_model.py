"""DeCAModel: a target and a denoiser, trained by `fit`.

No equation here, and no branch on a method's name.
"""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf
from keras import ops

from deca_tf._checks import check_choice, check_range
from deca_tf._registry import deserialize
from deca_tf.denoisers.cross_entropy import CrossEntropy
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.embeddings.lookups import Lookups
from deca_tf.embeddings.row_gradients import dense_if_small, row_gradients, whole, whole_if_unknown
from deca_tf.training._batch_layout import flatten, mean_per_label, unpack
from deca_tf.training._penalty import KINDS, penalty_of

# Under several workers Keras reduces a step's logs with `axis=0` (keras-team/keras#20585).
# tests/test_distribution.py asks the installed release whether it still does.
KERAS_AVERAGES_LOGS_OVER_AXIS_0 = tuple(map(int, keras.__version__.split(".")[:2])) < (3, 16)


@keras.saving.register_keras_serializable(package="deca_tf")
class DeCAModel(keras.Model):
    """Trains any scoring model on noisy implicit feedback.

    Calling it, predicting and evaluating with it means `recommender` alone, which is the target
    unless the denoiser says otherwise; the denoiser exists in training only. `fit` takes batches of
    groups, as `deca_tf.data.training_batches` makes them: item ids and labels of shape `(groups, 1
    + num_negatives)`, a positive and its negatives in a row, and user ids of that shape or, which
    is faster, `(groups, 1)`. Flat batches `(batch,)` work as well; then every example is a group of
    its own, and the labels should come in random order.

    Each training step makes one update per phase of the denoiser. Phase p of P gets the groups p, p
    + P, p + 2P, ...: with this stride the phases' shares do not depend on how many devices a
    strategy splits the batch over. Networks that are idle in a phase, and their optimizer slots,
    stay bit-identical.

    The loss of an update is the mean over its positives plus the mean over its negatives (as in the
    released code) plus the penalty on the recommender's weights (Algorithm 1, line 10).

    Args:
        target: model from `{"user_id", "item_id"}` to logits: a backbone, or any Keras model that
            does so.
        denoiser: a `Denoiser`; None means normal training.
        l2: weight of the penalty, at least 0.
        penalty: "squares", `l2 / 2 * sum of squares` of all weights, where l2 is the paper's lambda
            divided by the number of users; or "norms", `l2 * sum over weights of their norm`, which
            is what the released code does to CDAE.

    Example:
        >>> model = DeCAModel(GMF(num_users, num_items), denoiser)
        >>> model.compile(deca_tf.optimizers.Adam(1e-3), jit_compile=True)
        >>> model.fit(training_batches(split.train), epochs=20)
    """

    def __init__(self, target, denoiser=None, *, l2=0.0, penalty="squares", **kwargs):
        if not isinstance(target, keras.Model):
            raise TypeError(
                "`target` must be a keras.Model from {'user_id', 'item_id'} to logits. "
                f"Received: target={target!r} of type {type(target).__name__}."
            )
        super().__init__(**kwargs)
        self.target = target
        self.denoiser = CrossEntropy() if denoiser is None else denoiser
        self.l2 = check_range("l2", l2, 0)
        self.penalty = check_choice("penalty", penalty, KINDS)
        self._check_id_spaces()
        self.loss_mean = keras.metrics.Mean(name="loss")
        # Mean target probability by label: when the two meet or saturate, training has collapsed.
        self.positive_prob = keras.metrics.Mean(name="positive_prob")
        self.negative_prob = keras.metrics.Mean(name="negative_prob")
        self.phase_optimizers = {}
        self._optimizers_built_for = None
        self.build()

    def _check_id_spaces(self):
        """Refuses networks of other sizes: on a CPU a lookup out of range fails late, on a GPU it reads zeros."""
        for size in ("num_users", "num_items"):
            expected = getattr(self.target, size, None)
            for name in self.denoiser.networks:
                received = getattr(getattr(self.denoiser, name), size, expected)
                if expected is not None and received != expected:
                    raise ValueError(
                        f"`{name}` must have the target's `{size}`, {expected}. Received: "
                        f"{name}.{size}={received}."
                    )

    @property
    def metrics(self):
        return [self.loss_mean, self.positive_prob, self.negative_prob]

    def build(self, input_shape=None):
        one_pair = {name: ops.zeros((1,), dtype="int32") for name in ("user_id", "item_id")}
        for network in (
            self.target,
            *(getattr(self.denoiser, name) for name in self.denoiser.networks),
        ):
            if not network.built:
                network(one_pair)
        self.denoiser.build()
        self.built = True

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing to build.

        Under a strategy Keras would take a batch away, and reduce its ids to means.
        """

    @functools.cached_property
    def recommender(self):
        """The model that is judged and shipped, a `Backbone` or whatever `target` was."""
        return self.denoiser.recommender(self.target)

    def call(self, inputs, training=None):
        return self.recommender(inputs, training=training)

    # Training

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`, but the denoiser looks back at each epoch before the callbacks do.

        A `tf.data.Dataset` that `fit` would iterate over once an epoch is read through by one
        iterator: making one costs as much as ten updates of a small model. The batches are the
        same.
        """
        given = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        callbacks = given.pop("callbacks", None)
        if type(self.denoiser).on_epoch_end is not Denoiser.on_epoch_end:
            look_back = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: self.denoiser.on_epoch_end(self.target)
            )
            callbacks = [look_back, *(callbacks or [])]
        if (
            self._is_lazy
        ):  # first of all: what is looked back at, judged and saved must have no row behind
            catch_up = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: self._catch_up()
            )
            callbacks = [catch_up, *(callbacks or [])]
        steps = self._steps_of_epochs(given)
        if steps:
            given["x"] = given[
                "x"
            ].repeat()  # begins its next iteration when it is asked for, so none is read in vain
            given["steps_per_epoch"] = steps
        return super().fit(callbacks=callbacks, **given)

    def _steps_of_epochs(self, given):
        """Steps in each epoch over `x` of `fit`'s arguments, or None if it cannot be read through by one iterator."""
        x = given.get("x")
        if not isinstance(x, tf.data.Dataset) or given.get("steps_per_epoch") is not None:
            return None
        if self.distribute_strategy.num_replicas_in_sync > 1:
            return None
        steps = int(x.cardinality())  # below 0 where nobody knows
        # Keras would run an execution's steps beyond the end of an epoch.
        return steps if steps > 0 and steps % self.steps_per_execution == 0 else None

    def train_step(self, data):
        inputs, label = unpack(data)
        phases = self.denoiser.phases
        groups = label.shape[0]
        if groups is not None and groups % len(phases):
            raise ValueError(
                f"The batch on each device must divide by the number of phases {phases}. Received: "
                f"{groups} groups "
                "on a device. Choose a `batch_size` that is a multiple of phases x devices."
            )
        # Keras learns that a stream of unknown length is over by a failing step: without a batch
        # nothing may count.
        with tf.control_dependencies([label]):
            for index, phase in enumerate(phases):
                self._update(phase, *flatten(inputs, label, slice(index, None, len(phases))))
        return self._logs(self.get_metrics_result())

    def _logs(self, results):
        """What a step returns: each figure as `(1,)` where Keras averages over an axis that a scalar lacks."""
        strategy = self.distribute_strategy
        is_multi_worker = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        if not (is_multi_worker and KERAS_AVERAGES_LOGS_OVER_AXIS_0):
            return results
        return {name: ops.reshape(value, (1,)) for name, value in results.items()}

    def _update(self, phase, inputs, label, once):
        everywhere, only_here = self._split_by_phase(phase, self.denoiser.trainable_networks(phase))
        variables = everywhere + only_here
        if self._is_lazy:
            pulls = {}
            gradients = self._row_gradients(phase, variables, inputs, label, once)
        else:
            penalty, pulls = self._penalty()
            with Lookups(inputs, once):
                gradients = self._gradients(phase, variables, inputs, label, penalty)
        self._apply(self.optimizer, gradients[: len(everywhere)], everywhere, pulls)
        if only_here:
            self._apply(
                self.phase_optimizers[phase], gradients[len(everywhere) :], only_here, pulls
            )

    def _gradients(self, phase, sources, inputs, label, penalty=0.0):
        """Of the loss but for the penalty, for each source a tensor, a `tf.IndexedSlices` or None; counts metrics."""
        with tf.GradientTape() as tape:
            tape.watch([source for source in sources if isinstance(source, tf.Tensor)])
            logits = self.target(inputs, training=True)
            example_loss = self.denoiser.compute_loss(
                phase, inputs, label, logits, self.optimizer.iterations
            )
            loss = mean_per_label(example_loss, label)
            # Keras sums gradients over devices, so each device contributes its share of the mean.
            scaled = loss / self.distribute_strategy.num_replicas_in_sync
        probability = ops.sigmoid(logits)
        self.loss_mean.update_state(loss + penalty)
        self.positive_prob.update_state(probability, sample_weight=label)
        self.negative_prob.update_state(probability, sample_weight=1.0 - label)
        return tape.gradient(scaled, sources)

    def _row_gradients(self, phase, variables, inputs, label, once):
        """As `_gradients`, with the penalty's, and by rows where few of a table's are looked up."""
        replicas = self.distribute_strategy.num_replicas_in_sync

        def differentiate(sources, inputs, label):
            gradients = self._gradients(phase, sources, inputs, label)
            return self._with_penalty(
                [dense_if_small(gradient, replicas) for gradient in gradients], sources
            )

        return row_gradients(
            differentiate,
            variables,
            inputs,
            label,
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
        else:  # a target that XLA cannot compile: the optimizer alone still makes one pass of its dozen over each table
            gradients = [
                whole_if_unknown(*given) for given in zip(gradients, variables, strict=True)
            ]
            tf.function(apply, jit_compile=True, autograph=False)(gradients, pulls)

    def _penalty(self):
        """Its value, and a device's share of what it pulls at each weight with, by the weight's id."""
        if not self.l2:
            return 0.0, {}
        weights = self.recommender.trainable_variables
        value, pulls = penalty_of(weights, self.l2, self.penalty, self.jit_compile)
        share = 1.0 / self.distribute_strategy.num_replicas_in_sync
        return value, {
            id(weight): share * pull for weight, pull in zip(weights, pulls, strict=True)
        }

    @property
    def _is_lazy(self):
        """Whether the optimizer takes the gradients of lookups by rows, and the penalty on these rows upon itself."""
        return getattr(self.optimizer, "takes_row_gradients", False)

    def _with_penalty(self, gradients, sources):
        """Adds the penalty's gradient to those of whole weights; what is dense is small, or is read whole anyway."""
        penalized = {id(weight) for weight in self.recommender.trainable_variables}
        share = self.l2 / self.distribute_strategy.num_replicas_in_sync
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
        everywhere = [
            *self.target.trainable_variables,
            *(v for n in shared for v in n.trainable_variables),
        ]
        only_here = [
            v for n in networks if not any(n is m for m in shared) for v in n.trainable_variables
        ]
        return everywhere, only_here

    # Optimizers: a network that learns in one phase only needs Adam's step count of its own, or its
    # bias correction would count the updates it sat out. It follows the main one's learning rate.

    def make_train_function(self, force=False):
        self._build_optimizers()
        compiles = self.jit_compile
        if self._is_lazy:
            # XLA is slow at reading and writing rows: it gets the arithmetic alone, and TensorFlow
            # moves them.
            self.jit_compile = False
        try:
            super().make_train_function(force)
        finally:
            self.jit_compile = compiles

    def get_compile_config(self):
        if self.compiled:
            # Before saving, so that the file has the slots that a loaded model has
            self._build_optimizers()
        return super().get_compile_config()

    def compile_from_config(self, config):
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
        if self._is_lazy and self.l2:
            if self.penalty != "squares":
                raise ValueError(
                    f"`penalty` must be 'squares' under {type(self.optimizer).__name__}, which "
                    "sees no whole table. "
                    f"Received: penalty={self.penalty!r}. Choose it, or `deca_tf.optimizers.Adam`."
                )
            for optimizer in (self.optimizer, *self.phase_optimizers.values()):
                optimizer.penalize(self.recommender.trainable_variables, self.l2)
        self._optimizers_built_for = self.optimizer

    def _catch_up(self):
        for optimizer in (self.optimizer, *self.phase_optimizers.values()):
            optimizer.catch_up()

    # Judging: the same for every denoiser, so that validation curves can be compared.

    def test_step(self, data):
        inputs, label = unpack(data)
        inputs, label, _ = flatten(inputs, label)
        logits = self.recommender(inputs, training=False)
        cross_entropy = keras.losses.binary_crossentropy(
            label[..., None], logits[..., None], from_logits=True
        )
        self.loss_mean.update_state(cross_entropy)
        return self._logs({"loss": self.loss_mean.result()})

    # Saving

    @contextlib.contextmanager
    def without_optimizers(self):
        """While it lasts, `save` leaves out optimizers and their slots, two thirds of all bytes.

        Keras's `include_optimizer=False` does nothing to a `.keras` file.
        """
        kept = self.optimizer, self.phase_optimizers, self._optimizers_built_for, self.compiled
        self.optimizer, self.phase_optimizers, self._optimizers_built_for, self.compiled = (
            None,
            {},
            None,
            False,
        )
        try:
            yield
        finally:
            self.optimizer, self.phase_optimizers, self._optimizers_built_for, self.compiled = kept

    def get_config(self):
        return {
            **super().get_config(),
            "target": keras.saving.serialize_keras_object(self.target),
            "denoiser": keras.saving.serialize_keras_object(self.denoiser),
            "l2": self.l2,
            "penalty": self.penalty,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["target"] = deserialize(config["target"])
        config["denoiser"] = deserialize(config["denoiser"])
        return cls(**config)
