"""What a Keras model can be told and a `DeCAModel` cannot.

Each is refused in one sentence, none is dropped.
"""

import inspect
from typing import Any, NoReturn

import keras

from deca_tf._checks import check_integer
from deca_tf.training._data_checks import check_labels, check_sample_weight

REMEDIES = {
    "loss": "The denoiser is the loss: `DeCAModel(target, denoiser)`, see `deca_tf.denoisers`.",
    "loss_weights": "The denoiser is the loss, and there is one. Weigh examples by `sample_weight`.",
    "metrics": "Ranking is measured by `fit(..., callbacks=[deca_tf.callbacks.RankingMetrics(split)])` "
    "and `deca_tf.evaluate(model, split)`.",
    "weighted_metrics": "Ranking is measured by `fit(..., callbacks=[deca_tf.callbacks."
    "RankingMetrics(split)])` and `deca_tf.evaluate(model, split)`.",
    "class_weight": "Weigh examples by `sample_weight`.",
}


def refuse(method, given):
    """Refuses those of a method's arguments that mean nothing to a `DeCAModel`.

    Args:
        method: its name, for the message.
        given: `{argument: value}`; one that is None, or empty, has not been given.

    Raises:
        ValueError: naming the argument, what came, and what to do.
    """
    for argument, remedy in REMEDIES.items():
        value = given.get(argument)
        if value is not None and value != [] and value != {}:
            raise ValueError(
                f"`{argument}` must be None in `{method}`. Received: {argument}={value!r}. {remedy}"
            )


class Refusals:
    """The part of `DeCAModel` that says no, for a Keras model."""

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without losses and metrics: the denoiser is the loss.

        Keras does not call a `compile` of one's own when it loads a model; `compile_from_config`,
        which is our own too, does.

        Raises:
            ValueError: a loss or a metric, or an optimizer that needs Keras's own training step.
        """
        given = _bound(super().compile, args, kwargs)
        refuse("compile", given)
        if "optimizer" in given:
            given["optimizer"] = _checked(given["optimizer"])
        check_integer("steps_per_execution", given.get("steps_per_execution", 1))
        super().compile(**given)
        self._trainable_when_compiled = tuple(map(id, self.trainable_variables))

    def check_compiled(self, method: str) -> None:
        """Refuses to train before `compile`, and after what trains has changed since.

        Keras would train what was trainable then, without a word.

        Raises:
            ValueError: there is no optimizer, or weights were frozen or freed since.
        """
        if not self.compiled or getattr(self, "optimizer", None) is None:
            raise ValueError(
                f"`{method}` must come after `compile`. Received: a model that is not compiled. "
                "Call `model.compile(deca_tf.optimizers.Adam(1e-3), jit_compile=True)` first."
            )
        before, now = self._trainable_when_compiled, tuple(map(id, self.trainable_variables))
        if before != now:
            raise ValueError(
                f"`compile` must be called again once `trainable` was set. Received: {len(before)} "
                f"weights to train when the model was compiled, and {len(now)} now."
            )

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.train_on_batch`, without `class_weight`."""
        given = _bound(super().train_on_batch, args, kwargs)
        refuse("train_on_batch", given)
        _check_batch(given)
        return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch`."""
        _check_batch(_bound(super().test_on_batch, args, kwargs))
        return super().test_on_batch(*args, **kwargs)

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.save`, to `.keras` files, or to folders by `zipped=False`.

        Raises:
            ValueError: another ending. What Keras writes to HDF5 files cannot be loaded.
        """
        given = _bound(super().save, (filepath, *args), kwargs)
        is_file = given.get("zipped") is not False and not str(filepath).startswith("hf://")
        if is_file and not str(filepath).endswith(".keras"):
            raise ValueError(
                f"`filepath` must end in '.keras'. Received: filepath={str(filepath)!r}. Weights "
                "alone go to '.weights.h5' by `model.save_weights`."
            )
        super().save(filepath, *args, **kwargs)

    def export(self, filepath: Any = None, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: what is served needs to know what users have seen, which a split tells.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "A recommender is exported with the users' histories and raw ids. Received: "
            f"model.export({filepath!r}). Use `deca_tf.export(model, split, {filepath!r})`."
        )


def _check_batch(given):
    check_labels(given.get("x"), given.get("y"))
    check_sample_weight(given.get("sample_weight"))


def _bound(method, args, kwargs):
    """What a method was given, by name."""
    return dict(inspect.signature(method).bind(*args, **kwargs).arguments)


def _checked(optimizer):
    """The optimizer, from its name or config too.

    Refused where it needs Keras's own training step.
    """
    if optimizer is None:
        raise ValueError(
            "`optimizer` must be an optimizer or its name. Received: optimizer=None. Choose "
            "`deca_tf.optimizers.Adam(1e-3)`."
        )
    optimizer = keras.optimizers.get(optimizer)
    name = type(optimizer).__name__
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            f"`optimizer` must not scale the loss: losses are worked out in float32. Received: "
            f"optimizer={name}. Give the optimizer inside it."
        )
    if getattr(optimizer, "loss_scale_factor", None) is not None:
        raise ValueError(
            "`loss_scale_factor` must be None: losses are worked out in float32. Received: "
            f"{name}(loss_scale_factor={optimizer.loss_scale_factor!r}). Leave it out."
        )
    if getattr(optimizer, "use_ema", False):
        raise ValueError(
            "`use_ema` must be False: each network has an optimizer's updates of its own, and Keras "
            f"averages the weights of one. Received: {name}(use_ema=True). Leave it out; "
            "`deca_tf.training.callbacks.BestWeights` keeps the best epoch's weights."
        )
    return optimizer
