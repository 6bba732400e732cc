"""How long the updates take, compilation apart."""

import time
from typing import Any

import keras


class Stopwatch(keras.callbacks.Callback):
    """Times what `fit` spends in training steps, but for the first execution.

    Validation and callbacks do not count.

    The first execution traces and compiles; its time is kept apart in `first_seconds`. An execution
    is up to `steps_per_execution` steps.

    Args:
        examples_per_update: positives and negatives in an update.
        examples_per_step: of what `ms_per_step` is the time.

    Stability: provisional.
    """

    def __init__(self, examples_per_update: int, examples_per_step: int = 4096) -> None:
        super().__init__()
        self.examples_per_step = examples_per_step
        self.examples_per_update = examples_per_update
        self.first_seconds: float | None = None
        self.seconds = 0.0
        self.updates = 0
        self._timed_updates = 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._updates_before = int(self.model.optimizer.iterations.numpy())
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Counted by the optimizer: at an epoch's end an execution may hold fewer steps than it may.
        updates = int(self.model.optimizer.iterations.numpy()) - self._updates_before
        elapsed = time.perf_counter() - self._began
        self.updates += updates
        if self.first_seconds is None:
            self.first_seconds = elapsed
        else:
            self.seconds += elapsed
            self._timed_updates += updates

    def report(self) -> dict[str, float | None]:
        """Figures for `metrics.json`; rates are None if there was only the first execution."""
        rate = (
            self._timed_updates * self.examples_per_update / self.seconds if self.seconds else None
        )
        return {
            "steps": self.updates,
            "seconds": self.seconds,
            "first_execution_seconds": self.first_seconds,
            "examples_per_second": rate,
            "ms_per_step": self.examples_per_step * 1e3 / rate if rate else None,
        }
