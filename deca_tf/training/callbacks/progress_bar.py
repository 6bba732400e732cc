"""A progress bar for long training: epochs, what they reach, and the time left."""

from collections.abc import Sequence
from typing import Any

import keras
from rich import progress


class ProgressBar(keras.callbacks.Callback):
    """One line that moves with the epochs; quiet where the console is no terminal.

    A context manager: an exception within must not leave the terminal without its cursor.

    Args:
        epochs: how many there will be at most.
        title: what is trained.
        shown: names in the logs to show behind the bar.
        done: epochs that an earlier process has trained.

    Stability: provisional.
    """

    def __init__(
        self,
        epochs: int,
        title: str,
        shown: Sequence[str] = ("loss", "val_recall@20"),
        done: int = 0,
    ) -> None:
        super().__init__()
        self.epochs = epochs
        self.title = title
        self.shown = shown
        self.done = done
        self._bar: progress.Progress | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._close()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[figures]}"),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
        )
        self._bar.start()
        self._task = self._bar.add_task(
            self.title, total=self.epochs, completed=self.done, figures=""
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        figures = "  ".join(f"{name} {logs[name]:.4g}" for name in self.shown if name in logs)
        if self._bar is not None:
            self._bar.update(self._task, completed=epoch + 1, figures=figures)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._bar is not None:
            # Full, where training stopped early too.
            self._bar.update(self._task, total=self._bar.tasks[0].completed)
        self._close()

    def _close(self):
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
