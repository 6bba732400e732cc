"""DeCAHyperModel: what Keras Tuner builds and fits in a trial."""

import copy
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import keras_tuner

from deca_tf._checks import check_choice, did_you_mean
from deca_tf._registry import deserialize, is_own
from deca_tf.config import Config, merge
from deca_tf.data.splits import Split
from deca_tf.runs.building import build_model, needs_prior
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.learn import learn
from deca_tf.runs.models import MODELS, learns_at_once
from deca_tf.runs.seeds import role_seed
from deca_tf.runs.train import MONITORS, train
from deca_tf.runs.trend import choose_trend
from deca_tf.tuning._collapse import StopOnCollapse
from deca_tf.tuning.search_space import SPACES, choose

# Of the objective, for a collapsed trial: the least that a ranking metric can be.
# Keras Tuner's search touches `tf.keras`, by TensorBoard's plugin. As Keras 3 it would keep
# `deca_tf.export`, which needs it to be Keras 2, from working in the same process.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

COLLAPSED_VALUE = 0.0


class DeCAHyperModel(keras_tuner.HyperModel):
    """A backbone and a denoiser whose settings Keras Tuner searches.

    What is searched is in `deca_tf.tuning.search_space.choose`; a trial is a run's training and
    noisy validation, with all of its callbacks. The test part is never looked at. A trial whose
    model collapses ends at once, with 0 as its objective.

    Args:
        split: a `Split`.
        backbone: name of a backbone or baseline; or your own: a Keras model from `{"user_id",
            "item_id"}` to logits, made anew from its `get_config` for each trial, or a function
            `(hp, seed)` that makes one, and may ask `hp`.
        denoiser: name of a denoiser.
        config: a `Config` with all other settings; None: their defaults. Its `backbone` and
            `denoiser` tables hold unless `backbone` or `denoiser` names another one.
        epochs: of a trial, at most; None: the config's.
        space: 'default' or 'paper', what the paper searched.
        objective: name of the metric to maximize, val_<metric>@20; None: `config.training.monitor`.
        held: settings that are not searched, `{"denoiser": {"alpha": 0.5}}`.
        prior: the pre-trained model of 'deca-p'.

    Attributes:
        objective: the `keras_tuner.Objective`, for the tuner.

    Raises:
        ValueError: an unknown name or setting; 'deca-p' without `prior`.
        TypeError: a `backbone` that is none of the three.

    Example:
        >>> hypermodel = DeCAHyperModel(split, backbone="mf", denoiser="deca", epochs=20)
        >>> tuner = keras_tuner.RandomSearch(hypermodel, hypermodel.objective, max_trials=30)
        >>> point = tuner.oracle.get_space()
        >>> hypermodel.config(point).training.epochs
        20

    Stability: provisional.
    """

    def __init__(
        self,
        split: Split,
        backbone: str | keras.Model | Callable[..., keras.Model] | None = None,
        denoiser: str | None = None,
        *,
        config: Config | None = None,
        epochs: int | None = None,
        space: str = "default",
        objective: str | None = None,
        held: dict[str, Any] | None = None,
        prior: keras.Model | None = None,
    ) -> None:
        config = Config() if config is None else config.model_copy(deep=True)
        self.own_backbone: Callable[..., keras.Model] | None = None
        if isinstance(backbone, str):
            config.backbone = _named(config.backbone, backbone)
        elif backbone is not None:
            self.own_backbone = _maker(backbone)
        if denoiser is not None:
            config.denoiser = _named(config.denoiser, denoiser)
        if epochs is not None:
            config.training.epochs = epochs
        config.training.monitor = check_choice(
            "objective", objective or config.training.monitor, MONITORS
        )
        config.training.watch_validation, config.training.watch_test = True, False
        if needs_prior(config) and prior is None:
            raise ValueError(
                "`prior` must be a trained model where the denoiser needs one. Received: "
                "prior=None, "
                f"denoiser={config.denoiser.name!r}. Train one normally and give its `target`."
            )
        self.split = split
        self.settings = config
        self.space = check_choice("space", space, SPACES)
        self.held = _without_times(held or {}, config, split)
        self.prior = prior
        self.objective = keras_tuner.Objective(config.training.monitor, "max")
        # Refuses what is held wrongly, before any trial.
        self.declare_hyperparameters(keras_tuner.HyperParameters())
        super().__init__(
            name=f"{getattr(split, 'name', 'data')}_{config.backbone.name}_{config.denoiser.name}"
        )

    def config(self, hp: keras_tuner.HyperParameters) -> Config:
        """The `Config` of one point of the space."""
        own = self.own_backbone is not None
        found = choose(hp, self.settings, self.space, self.held, own)
        if "tuner/epochs" in hp.values:  # Hyperband's
            found.training.epochs = hp.values["tuner/epochs"]
        return found

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> None:
        """Asks for every hyperparameter once, without building a model."""
        self.config(hp)
        if self.own_backbone is not None:
            self.own_backbone(hp, 0)

    @property
    def learns_at_once(self) -> bool:
        """Whether its model is made by learning, a `Baseline`: `build` then makes nothing."""
        return self.own_backbone is None and learns_at_once(self.settings)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model | None:
        """The untrained, compiled `DeCAModel` of a point; None of a model that learns at once."""
        if self.learns_at_once:
            return None
        own = None if self.own_backbone is None else functools.partial(self.own_backbone, hp)
        return build_model(self.config(hp), self.split, self.prior, own)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model | None,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        folder: RunFolder | None = None,
        save_last: bool = False,
        **kwargs: Any,
    ) -> dict[str, float]:
        """Trains the model of a point and watches it on the noisy validation.

        Args:
            hp: the point.
            model: what `build` made of it.
            callbacks: Keras Tuner's.
            folder: `RunFolder` of checkpoints, or None.
            save_last: leaves a checkpoint of the last epoch.
            **kwargs: `epochs` and `initial_epoch` of Keras Tuner's own Hyperband, whose weights the
                model has, and `verbose`; what is trained on is the split's.

        Returns:
            `{objective: value, "collapsed": 0 or 1, "best_epoch", "epochs"}`, for the tuner.

        Raises:
            keras_tuner.errors.FatalValueError: the tuner maximizes something else; said before any
                training.
        """
        return self.try_out(hp, model, callbacks, folder, save_last, **kwargs)[0]

    def try_out(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model | None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        folder: RunFolder | None = None,
        save_last: bool = False,
        epochs: int | None = None,
        initial_epoch: int = 0,
        verbose: int = 0,
    ) -> tuple[dict[str, float], str | None, list[dict[str, float]]]:
        """As `fit`, with more to tell.

        Returns:
            `(told, collapsed, history)`: what the tuner is told, what the monitor of collapses
            says, and the logs of each epoch.
        """
        for callback in callbacks:
            self._check_objective(getattr(callback, "objective", None))
        config = self.config(hp)
        if self.learns_at_once:
            learned, history, _ = learn(config, self.split)
            reached = self._reached(config, learned, history[-1][config.training.monitor])
            told = {
                self.objective.name: reached,
                "collapsed": 0.0,
                "best_epoch": 1.0,
                "epochs": 1.0,
            }
            return told, None, history
        if epochs is not None:
            config.training.epochs = max(1, epochs - initial_epoch)
        collapse = StopOnCollapse()
        trained, history, _ = train(
            config,
            self.split,
            folder,
            show_progress=False,
            model=model,
            collapse=collapse,
            callbacks=callbacks,
            save_last=save_last,
        )
        monitor = config.training.monitor
        values = [logs[monitor] for logs in history]
        best = (
            max(range(len(values)), key=values.__getitem__)
            if config.training.keep == "best"
            else len(values) - 1
        )
        reached = COLLAPSED_VALUE
        if not collapse.collapsed:
            reached = self._reached(config, trained, values[best])
        told = {
            monitor: reached,
            "collapsed": float(collapse.collapsed is not None),
            "best_epoch": float(initial_epoch + best + 1),
            "epochs": float(initial_epoch + len(values)),
        }
        return told, collapse.collapsed, history

    def _reached(self, config, model, value):
        """The objective with the trend that the settings ask for; `value` is that without."""
        trend = choose_trend(config, model, self.split)
        metric = config.training.monitor.removeprefix("val_")
        return value if trend is None else trend["validation"][metric]

    def _check_objective(self, asked):
        if asked is not None and (asked.name, asked.direction) != (self.objective.name, "max"):
            raise keras_tuner.errors.FatalValueError(
                f"The tuner's `objective` must be the hypermodel's, {self.objective.name!r} to be "
                "maximized. Received: "
                f"{asked.name!r}, {asked.direction!r}.{did_you_mean(asked.name, MONITORS)} Give "
                "the tuner "
                "`hypermodel.objective`; DeCAHyperModel(objective=...) takes one of "
                f"{', '.join(MONITORS)}."
            )

    def seed(self) -> int:
        """Of the tuner's own choices."""
        return role_seed(self.settings, "search") or 1  # 0 is none to Keras Tuner


def _named(table, name):
    """The table of a part of this name: as it is, or without what was set of another part."""
    return table if table.name == name else type(table)(name=name)


def _without_times(held, config, split):
    """What is held, and no half-life where nobody knows how old a click is."""
    options = {} if is_own(config.backbone.name) else MODELS.options(config.backbone.name)
    timed = getattr(split.train, "timestamp", None) is not None
    if timed or "half_life" not in options:
        return held
    return merge({"backbone": {"half_life": None}}, held)


def _maker(backbone):
    """A function `(hp, seed)` to an untrained model, of a user's model or function."""
    if isinstance(backbone, keras.Model):
        saved = keras.saving.serialize_keras_object(backbone)
        return lambda hp, seed: deserialize(
            copy.deepcopy(saved)
        )  # Keras takes a functional model's apart
    if callable(backbone):
        return lambda hp, seed: _checked(backbone(hp, seed))
    raise TypeError(
        "`backbone` must be the name of one, a keras.Model, or a function `(hp, seed)` that makes "
        "one. "
        f"Received: backbone={backbone!r} of type {type(backbone).__name__}."
    )


def _checked(model):
    if not isinstance(model, keras.Model):
        raise TypeError(
            "Your `backbone(hp, seed)` must return a keras.Model from {'user_id', 'item_id'} to "
            "logits. "
            f"Received: {model!r} of type {type(model).__name__}."
        )
    return model
