"""How long the updates take, compilation apart."""

import time

import keras


class Stopwatch(keras.callbacks.Callback):
    """Times what `fit` spends in training steps, without validation, callbacks and the first execution.

    The first execution traces and compiles; its time is kept apart in `first_seconds`. An execution
    is up to `steps_per_execution` steps.

    Args:
        examples_per_update: positives and negatives in an update.
    """

    def __init__(self, examples_per_update):
        super().__init__()
        self.examples_per_update = examples_per_update
        self.first_seconds = None
        self.seconds = 0.0
        self.updates = 0
        self._timed_updates = 0

    def on_train_batch_begin(self, batch, logs=None):
        self._updates_before = int(self.model.optimizer.iterations.numpy())
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        # Counted by the optimizer: at an epoch's end an execution may hold fewer steps than it may.
        updates = int(self.model.optimizer.iterations.numpy()) - self._updates_before
        elapsed = time.perf_counter() - self._began
        self.updates += updates
        if self.first_seconds is None:
            self.first_seconds = elapsed
        else:
            self.seconds += elapsed
            self._timed_updates += updates

    def report(self):
        """Figures for `metrics.json`; rates are None when there was nothing but the first execution."""
        rate = (
            self._timed_updates * self.examples_per_update / self.seconds if self.seconds else None
        )
        return {
            "steps": self.updates,
            "seconds": self.seconds,
            "first_execution_seconds": self.first_seconds,
            "examples_per_second": rate,
            "ms_per_step": 4096e3 / rate if rate else None,
        }
