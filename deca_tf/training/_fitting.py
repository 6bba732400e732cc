"""What `fit` and `evaluate` of a `DeCAModel` take, and what is made of it before Keras sees it."""

import contextlib
import inspect
from typing import Any

import keras
import tensorflow as tf

from deca_tf._checks import check_flag, check_integer
from deca_tf.data.batches import BATCH_SIZE, validation_batches
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.distribution import check_batch
from deca_tf.training._data_checks import (
    check_labels,
    check_sample_weight,
    holds_pairs,
    refuse_beside_batches,
    refuse_beside_interactions,
    refuse_negatives,
    refuse_value,
    warn_of_updates,
)
from deca_tf.training._refusals import refuse
from deca_tf.training.batching import stream_batches
from deca_tf.training.execution import STEPS, steps_per_execution_of

_STREAMED_OPTIONS = ("num_negatives", "exclude_observed", "users_per_batch", "seed")


class Fitting:
    """The part of `DeCAModel` that is called with data; it is mixed into a Keras model."""

    def fit(
        self,
        *args: Any,
        num_negatives: int | None = None,
        exclude_observed: bool | None = None,
        users_per_batch: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`, of `Interactions` too.

        Of interactions the batches are made here: an update on `batch_size` positives for each
        phase of the denoiser, with negatives drawn in its way. Each epoch comes in another order. A
        second `fit` goes on with the epochs that follow, or after `initial_epoch` where that is
        set. Networks and denoisers that must know the training data, and do not yet, are given it.
        Where `steps_per_execution` was left at 1, as many steps as fit into an epoch are run at
        once, unless a callback looks at batches.

        The denoiser reweights by each epoch before the callbacks see it. A `tf.data.Dataset` that
        `fit` would iterate over once an epoch is read through by one iterator: making one costs as
        much as ten updates of a small model. The batches are the same.

        Args:
            *args, **kwargs: those of `keras.Model.fit`. `x` is `Interactions`, a `tf.data.Dataset`
                of batches, or arrays by name with `y`. Of interactions, `batch_size` is one
                update's positives, by default 2048, fewer where there are few; `steps_per_epoch`
                replaces their number by the batch size; `validation_data` may be `Interactions`
                too, of which each batch has 2048 positives and as many negatives for each, or
                `validation_batch_size` of them.
            num_negatives: of interactions only, as all that follow: sampled items per positive,
                1 by default. Refused under a denoiser whose layout is not "pairs", as Softmax's.
            exclude_observed: whether negatives leave out what the user has been observed with;
                False by default.
            users_per_batch: whole users at a time, about so many per update, in place of
                `batch_size`. By default what the target asks for: CDAE for 256, others for none.
            seed: integer, of the batches; None: the target's own, else 0.

        Returns:
            `keras.callbacks.History`.

        Raises:
            TypeError: data of another kind.
            ValueError: an argument that cannot be used with such data, a label that is neither 0
                nor 1, or a weight of an example that is negative or no number.

        Example:
            >>> history = model.fit(split.train, validation_data=split.validation, verbose=0)
            >>> "val_loss" in history.history
            True
        """
        given = dict(inspect.signature(super().fit).bind(*args, **kwargs).arguments)
        own = (num_negatives, exclude_observed, users_per_batch, seed)
        options = {
            name: value
            for name, value in zip(_STREAMED_OPTIONS, own, strict=True)
            if value is not None
        }
        refuse("fit", given)
        self.check_compiled("fit")
        callbacks = self._callbacks_of(given)
        steps_per_execution, observed = self.steps_per_execution, None
        if holds_pairs("x", given.get("x")):
            refuse_beside_interactions(given)
            refuse_negatives(options, self.denoiser)
            observed = given["x"] if exclude_observed else None
            steps_per_execution = self._stream(given, options, callbacks)
        else:
            refuse_beside_batches(given, options)
            check_labels(given.get("x"), given.get("y"))
            warn_of_updates(given.get("x"), self.denoiser)
            self._build_denoiser()
        check_sample_weight(given.get("sample_weight"))
        self._validate_on(given, options, observed)
        with self._executing(steps_per_execution):
            steps = self._steps_of_epochs(given)
            if steps:
                # begins its next iteration when it is asked for, so none is read in vain
                given["x"] = given["x"].repeat()
                given["steps_per_epoch"] = steps
            return super().fit(callbacks=callbacks, **given)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`, of `Interactions` too: clicks and sampled negatives."""
        given = dict(inspect.signature(super().evaluate).bind(*args, **kwargs).arguments)
        if holds_pairs("x", given.get("x")):
            for name in ("y", "sample_weight"):
                refuse_value(name, given.get(name), "Interactions bring their own.")
            batch_size = given.pop("batch_size", None) or BATCH_SIZE
            given["x"] = validation_batches(
                given["x"],
                batch_size=batch_size,
                num_negatives=int(self.denoiser.layout == "pairs"),
                seed=self._seed(),
            )
        check_labels(given.get("x"), given.get("y"))
        check_sample_weight(given.get("sample_weight"))
        more = given.pop("kwargs", {})
        return super().evaluate(**given, **more)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.predict`, of `Interactions` too: their logits in order, `(n,)`."""
        given = dict(inspect.signature(super().predict).bind(*args, **kwargs).arguments)
        if not isinstance(given["x"], dict) and holds_pairs("x", given["x"], "test"):
            rows = given["x"]
            given["x"] = {"user_id": rows.user_id, "item_id": rows.item_id}
            given["batch_size"] = given.get("batch_size") or BATCH_SIZE
        return super().predict(**given)

    def _callbacks_of(self, given):
        """Takes the callbacks out of `fit`'s arguments and puts in front what has to come first."""
        callbacks = given.pop("callbacks", None)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = keras.tree.flatten(callbacks or [])
        if type(self.denoiser).on_epoch_end is not Denoiser.on_epoch_end:
            reweight = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: self.denoiser.on_epoch_end(self.target)
            )
            callbacks = [reweight, *callbacks]
        if self._is_lazy:
            # First of all: what reweights, is evaluated and saved must have no row behind.
            catch_up = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: self._catch_up()
            )
            callbacks = [catch_up, *callbacks]
        return callbacks

    def _stream(self, given, options, callbacks):
        """Puts batches in the place of the interactions in `fit`'s arguments.

        Returns:
            Steps that are to run before Python is asked again.
        """
        interactions, epochs = given["x"], given.get("epochs", 1)
        self._adapt(interactions)
        batch_size = given.pop("batch_size", None)
        users_per_batch = options.get("users_per_batch")
        if batch_size is not None and users_per_batch is not None:
            raise ValueError(
                "`batch_size` and `users_per_batch` must not be given together. Received: "
                f"batch_size={batch_size!r}, users_per_batch={users_per_batch!r}. Leave one out."
            )
        if batch_size is None and users_per_batch is None:
            users_per_batch = getattr(self.target, "users_per_batch", None)
        make = {
            "batch_size": batch_size,
            "users_per_batch": users_per_batch,
            "num_negatives": options.get("num_negatives", 1),
            "exclude_observed": check_flag(
                "exclude_observed", options.get("exclude_observed", False)
            ),
            "seed": self._seed(options),
            "steps_per_epoch": given.get("steps_per_epoch"),
            "strategy": self.distribute_strategy,
        }
        stream = stream_batches(interactions, self.denoiser, **make)
        done = given.get("initial_epoch", 0)
        if not done:  # a second `fit` goes on with other batches than the first one's
            updates = stream.steps * len(self.denoiser.phases)
            done = int(self.optimizer.iterations.numpy()) // updates
        if done:
            stream = stream_batches(interactions, self.denoiser, epochs_done=done, **make)
        check_batch(stream.groups, self.distribute_strategy, len(self.denoiser.phases))
        is_alone = self.distribute_strategy.num_replicas_in_sync == 1
        given["x"], given["shuffle"] = stream.batches, False
        if given.get("steps_per_epoch") is not None and is_alone:
            given["x"] = stream.batches.repeat()
        is_left_to_us = self.steps_per_execution == 1 and not self.run_eagerly
        if not is_left_to_us or not is_alone or any(map(_looks_at_batches, callbacks)):
            return self.steps_per_execution
        steps = steps_per_execution_of(STEPS, epochs - given.get("initial_epoch", 0), stream.steps)
        return steps if stream.steps % steps == 0 else 1

    def _adapt(self, interactions):
        """Gives the training data to what must know it and does not yet.

        A denoiser checks what it knows.
        """
        with self.distribute_strategy.scope():
            for network in self._networks():
                if getattr(network, "needs_data", False):
                    network.adapt(interactions)
            self.denoiser.adapt(interactions)
            self._build_denoiser()

    def _validate_on(self, given, options, observed):
        """Puts batches in the place of interactions in `validation_data` of `fit`'s arguments."""
        validation = given.get("validation_data")
        if isinstance(validation, (tuple, list)):
            check_labels(validation[0], validation[1] if len(validation) > 1 else None)
            check_sample_weight(validation[2] if len(validation) > 2 else None)
        elif validation is not None and holds_pairs("validation_data", validation, "validation"):
            given["validation_data"] = validation_batches(
                validation,
                batch_size=given.pop("validation_batch_size", None) or BATCH_SIZE,
                num_negatives=options.get("num_negatives", int(self.denoiser.layout == "pairs")),
                observed=observed,
                seed=self._seed(options),
            )

    def _seed(self, options=()):
        seed = dict(options).get("seed", getattr(self.target, "seed", 0))
        return check_integer("seed", 0 if seed is None else seed, low=0)

    def _steps_of_epochs(self, given):
        """Steps in each epoch over `fit`'s `x`; None if one iterator cannot read it through."""
        x = given.get("x")
        if not isinstance(x, tf.data.Dataset) or given.get("steps_per_epoch") is not None:
            return None
        if self.distribute_strategy.num_replicas_in_sync > 1:
            return None
        steps = int(x.cardinality())  # below 0 where nobody knows
        # Keras would run an execution's steps beyond the end of an epoch.
        return steps if steps > 0 and steps % self.steps_per_execution == 0 else None

    @contextlib.contextmanager
    def _executing(self, steps):
        """Within it, so many steps run at once.

        Functions that were traced for another number are traced anew.
        """
        before = self.steps_per_execution
        try:
            self._set_steps_per_execution(steps)
            yield
        finally:
            self._set_steps_per_execution(before)

    def _set_steps_per_execution(self, steps):
        if steps != self.steps_per_execution:
            self.steps_per_execution = steps
            self.test_function = self.predict_function = None


def _looks_at_batches(callback):
    """Whether a user's callback is told of each batch.

    Keras's own know that steps come several at once.
    """
    names = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    kinds = [kind for kind in type(callback).__mro__ if not kind.__module__.startswith("keras.")]
    return any(name in vars(owner) for owner in (callback, *kinds) for name in names)
