"""The early stopping of the paper's released code, for its recipes."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from deca_tf.data.batches import BATCH_SIZE, validation_batches
from deca_tf.data.splits import Split

EVERY_UPDATES = 500
ROUNDS = 2


class ReleasedEarlyStopping(keras.callbacks.Callback):
    """Ends training when the validation loss has risen twice, not necessarily in a row.

    Every 500 updates the cross-entropy of the validation pairs and as many new negatives is
    compared with the time before. Nothing is put back: the last weights stay. The loss goes into
    the logs as `val_loss`, repeated until the next look and NaN before the first.

    Differs: the released code looks at update 500, 1000, ..., this at the end of the epoch in which
    they come.

    Args:
        split: a `Split`.
        updates_per_epoch: number of updates of the target in an epoch.
        seed: integer, of the negatives.
        earlier: logs of epochs that an earlier process went through.

    Stability: provisional.
    """

    def __init__(
        self,
        split: Split,
        updates_per_epoch: int,
        seed: int = 0,
        earlier: Sequence[dict[str, float]] = (),
    ) -> None:
        super().__init__()
        self.split = split
        self.updates_per_epoch = updates_per_epoch
        self.seed = seed
        self._last, self._rises = math.nan, 0
        for epoch, logs in enumerate(earlier):
            if self._is_due(epoch):
                self._note(logs["val_loss"])

    @property
    def is_over(self) -> bool:
        """Whether training has to end."""
        return self._rises >= ROUNDS

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._is_due(epoch):
            self._note(self._loss(epoch))
        if logs is not None:
            logs["val_loss"] = self._last
        if self.is_over:
            self.model.stop_training = True

    def _is_due(self, epoch):
        done = epoch * self.updates_per_epoch
        return (done + self.updates_per_epoch) // EVERY_UPDATES > done // EVERY_UPDATES

    def _loss(self, epoch):
        batches = validation_batches(
            self.split.validation,
            batch_size=2 * BATCH_SIZE,
            observed=self.split.train,
            seed=self.seed + epoch,
        )
        return self.model.evaluate(batches, verbose=0, return_dict=True)["loss"]

    def _note(self, loss):
        self._rises += loss > self._last
        self._last = loss
