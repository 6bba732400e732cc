"""Keeps the weights of the epoch that did best on validation."""

import math
from typing import Any

import keras
import numpy as np

from deca_tf._checks import check_integer, did_you_mean


class BestWeights(keras.callbacks.Callback):
    """Puts the recommender's best weights back when training ends, and may end it early.

    Only the recommender's: the denoiser's other networks stay as they were in the last epoch, since
    they are not shipped. Unlike Keras's EarlyStopping it can go on in a later process, by `state`
    and `restore`.

    Args:
        monitor: name in the epoch's logs, larger is better; the callback that puts it there comes
            first.
        patience: epochs without a better value after which training stops; None: never.
        put_back: False only ends training early, with the last epoch's weights.

    Stability: stable.
    """

    def __init__(
        self,
        monitor: str = "val_recall@20",
        patience: int | None = None,
        put_back: bool = True,
    ) -> None:
        super().__init__()
        self.put_back = put_back
        self.monitor = monitor
        self.patience = None if patience is None else check_integer("patience", patience)
        self.best_epoch: int | None = None
        self.best_value = -math.inf
        self.best_weights: list[np.ndarray] | None = None
        self.epochs_since = 0

    @property
    def is_over(self) -> bool:
        """Whether training has to end."""
        return self.patience is not None and self.epochs_since >= self.patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self.monitor not in logs:
            raise ValueError(
                f"`monitor` must be one of {', '.join(map(repr, logs))}. Received: "
                f"monitor={self.monitor!r}."
                f"{did_you_mean(self.monitor, logs)}"
            )
        value = logs[self.monitor]
        if value > self.best_value:
            self.best_epoch, self.best_value, self.epochs_since = epoch, value, 0
            self.best_weights = self.model.recommender.get_weights()
        else:
            self.epochs_since += 1
        if self.is_over:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.put_back and self.best_weights is not None:
            self.model.recommender.set_weights(self.best_weights)

    def state(self) -> dict[str, Any]:
        """What `restore` needs besides the weights: plain numbers."""
        return {
            "best_epoch": self.best_epoch,
            "best_value": self.best_value,
            "epochs_since": self.epochs_since,
        }

    def restore(self, state: dict[str, Any], weights: list[np.ndarray]) -> None:
        """Goes on from an earlier process's `state()` and `best_weights`."""
        self.best_epoch, self.best_value = state["best_epoch"], state["best_value"]
        self.epochs_since = state["epochs_since"]
        self.best_weights = weights
