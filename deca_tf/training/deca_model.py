"""DeCAModel: a target and a denoiser, trained by `fit`.

No equation here, and no branch on a method's name.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any, Self

import keras
import tensorflow as tf
from keras import ops

from deca_tf._checks import check_choice, check_integer, check_range
from deca_tf._registry import deserialize
from deca_tf.denoisers import DENOISERS
from deca_tf.denoisers.cross_entropy import CrossEntropy
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.embeddings.id_ranges import ChecksIds, table_sizes
from deca_tf.parts.networks import check_kind
from deca_tf.training._batch_layout import unpack
from deca_tf.training._fitting import Fitting
from deca_tf.training._layouts import layout_of
from deca_tf.training._penalty import KINDS, weight_of
from deca_tf.training._refusals import Refusals
from deca_tf.training._target_checks import (
    check_denoiser,
    check_network,
    check_parts,
)
from deca_tf.training._updates import PhaseUpdates

# Under several workers Keras reduces a step's logs with `axis=0` (keras-team/keras#20585).
# tests/test_distribution.py asks the installed release whether it still does.
KERAS_AVERAGES_LOGS_OVER_AXIS_0 = tuple(map(int, keras.__version__.split(".")[:2])) < (3, 16)


@keras.saving.register_keras_serializable(package="deca_tf")
class DeCAModel(Fitting, PhaseUpdates, Refusals, ChecksIds, keras.Model):
    """Trains any scoring model on noisy implicit feedback.

    Calling it, predicting and evaluating with it means `recommender` alone, which is the target
    unless the denoiser says otherwise; the denoiser exists in training only.

    `fit` takes `Interactions`, of which it makes the batches, or batches of groups, as
    `deca_tf.data.training_batches` makes them: item ids and labels of shape `(groups, 1 +
    num_negatives)`, a positive and its negatives in a row, and user ids of that shape or, which is
    faster, `(groups, 1)`. Flat batches `(batch,)` work as well; then every example is a group of
    its own, and the labels should come in random order.

    Each training step makes one update per phase of the denoiser. Phase p of P gets the groups p, p
    + P, p + 2P, ...: with this stride the phases' shares do not depend on how many devices a
    strategy splits the batch over. Networks that are idle in a phase, and their optimizer slots,
    stay bit-identical.

    The loss of an update is the mean over its positives plus the mean over its negatives (as in the
    released code) plus the penalty on the recommender's weights (Algorithm 1, line 10). Weights of
    examples (`sample_weight`, or those of `Interactions`) multiply the losses, whatever the
    denoiser lets an example weigh; the means still divide by numbers of examples. The logged
    probabilities do not look at them. A weight `(groups,)` is that of a whole group.

    Args:
        target: model from `{"user_id", "item_id"}` to logits: a backbone, or any Keras model that
            does so.
        denoiser: a `Denoiser`; None means the target's own, which is normal training but for ELSA.
        l2: the paper's lambda, the weight of the penalty, at least 0.
        penalty: "squares", `l2 / num_users / 2 * sum of squares` of all weights; or "norms", `l2 *
            sum over weights of their norm`, divided by nothing, which is what the released code
            does to CDAE.
        num_users: users that lambda is divided by under "squares"; None: the target's `num_users`.

    Example:
        >>> target = deca_tf.backbones.GMF(split.num_users, split.num_items)
        >>> model = DeCAModel(target, deca_tf.denoisers.GCE(q=0.5), l2=0.1)
        >>> model.compile(deca_tf.optimizers.Adam(1e-3))
        >>> history = model.fit(split.train, epochs=2, verbose=0).history
        >>> sorted(history)
        ['loss', 'negative_prob', 'positive_prob']

    Stability: stable.
    """

    def __init__(
        self,
        target: keras.Model,
        denoiser: Denoiser | None = None,
        *,
        l2: float = 0.0,
        penalty: str = "squares",
        num_users: int | None = None,
        **kwargs: Any,
    ) -> None:
        check_kind("target", target)
        check_denoiser(denoiser)
        check_parts(target, denoiser)
        super().__init__(**kwargs)
        self.target = target
        self.denoiser = _denoiser_of(target) if denoiser is None else denoiser
        self.l2 = check_range("l2", l2, 0)
        self.penalty = check_choice("penalty", penalty, KINDS)
        self.denoiser.complete(self.target)
        self.num_users = _num_users(num_users, target)
        self.penalty_weight = weight_of(self.l2, self.penalty, self.num_users)
        self._check_id_spaces()
        self.loss_mean = keras.metrics.Mean(name="loss")
        # Mean target probability by label: when the two meet or saturate, training has collapsed.
        self.positive_prob = keras.metrics.Mean(name="positive_prob")
        self.negative_prob = keras.metrics.Mean(name="negative_prob")
        self.phase_optimizers: dict[str, Any] = {}
        self._optimizers_built_for = None
        self._traced_steps = None  # of an execution, in the training function that there is
        self.build()

    def _check_id_spaces(self):
        """Refuses networks of other sizes.

        On a CPU a lookup out of range fails late, on a GPU it reads zeros.
        """
        for size in ("num_users", "num_items"):
            expected = getattr(self.target, size, None)
            for name in self.denoiser.networks:
                received = getattr(getattr(self.denoiser, name), size, expected)
                if expected is not None and received != expected:
                    raise ValueError(
                        f"`{name}` must have the target's `{size}`, {expected}. Received: "
                        f"{name}.{size}={received}."
                    )

    def id_sizes(self) -> dict[str, int | None]:
        return table_sizes(self.target)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self.loss_mean, self.positive_prob, self.negative_prob]

    def build(self, input_shape: Any = None) -> None:
        check_network("target", self.target)
        for name in self.denoiser.networks:
            network = getattr(self.denoiser, name)
            check_kind(name, network)
            check_network(name, network)
        self._build_denoiser()
        self.built = True

    def _build_denoiser(self):
        """One that must know the training data, and does not yet, waits for it."""
        if not self.denoiser.built and not self.denoiser.needs_data:
            self.denoiser.build()

    def _networks(self):
        return self.target, *(getattr(self.denoiser, name) for name in self.denoiser.networks)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing to build.

        Under a strategy Keras would take a batch away, and reduce its ids to means.
        """

    @functools.cached_property
    def recommender(self) -> keras.Model:
        """The model that is evaluated and shipped, a `Backbone` or whatever `target` was."""
        return self.denoiser.recommender(self.target)

    def call(self, inputs: dict[str, tf.Tensor], training: bool | None = None) -> tf.Tensor:
        return self.recommender(inputs, training=training)

    # Training

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        inputs, label, weight = unpack(data)
        phases, layout = self.denoiser.phases, layout_of(self.denoiser)
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
                rows = slice(index, None, len(phases))
                self._update(phase, *layout.take(self, inputs, label, weight, rows))
        return self._logs(self.get_metrics_result())

    def _logs(self, results):
        """What a step returns: each figure as `(1,)` where Keras averages over an axis of it."""
        strategy = self.distribute_strategy
        is_multi_worker = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        if not (is_multi_worker and KERAS_AVERAGES_LOGS_OVER_AXIS_0):
            return results
        return {name: ops.reshape(value, (1,)) for name, value in results.items()}

    # Evaluation: the same for all denoisers of a layout, so that validation curves can be compared

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        values, weights = layout_of(self.denoiser).evaluate(self, *unpack(data))
        self.loss_mean.update_state(values, sample_weight=weights)
        return self._logs({"loss": self.loss_mean.result()})

    # Saving

    @contextlib.contextmanager
    def without_optimizers(self) -> Iterator[None]:
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

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "target": keras.saving.serialize_keras_object(self.target),
            "denoiser": keras.saving.serialize_keras_object(self.denoiser),
            "l2": self.l2,
            "penalty": self.penalty,
            "num_users": self.num_users,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        config["target"] = deserialize(config["target"])
        config["denoiser"] = deserialize(config["denoiser"])
        return cls(**config)


def _denoiser_of(target):
    """The denoiser that a target learns by where nobody gives one."""
    name = getattr(target, "default_denoiser", None)
    return CrossEntropy() if name is None else DENOISERS.build(name)


def _num_users(given, target):
    """Users that the target is over, None where nobody says it."""
    own = getattr(target, "num_users", None)
    if given is None:
        return own
    if own is not None and given != own:
        raise ValueError(
            f"`num_users` must be the target's, {own}. Received: num_users={given!r}. Leave it out."
        )
    return check_integer("num_users", given)
