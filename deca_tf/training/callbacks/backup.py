"""Checkpoints from which an interrupted run goes on as if nothing had happened."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import keras
import numpy as np

from deca_tf.distribution import is_chief
from deca_tf.training.callbacks.best_weights import BestWeights


class Backup(keras.callbacks.Callback):
    """Saves the whole training state at the end of an epoch, at most every so many seconds.

    A checkpoint is a folder `epoch-000012`, written under another name and renamed, so that a
    half-written one never looks finished; the one before it is deleted afterwards. Of several
    workers only the chief writes.

    Args:
        folder: where checkpoints go; None: nowhere, only the history is kept.
        history: list of the logs of each epoch so far; this callback appends to it.
        best: the run's `BestWeights`, or None.
        every_seconds: least time between two checkpoints.
        share: of all time that saving may take, at most: large tables are saved less often. 1:
            whatever it takes.
        last: saves the last epoch in any case, for a training that may be prolonged.

    Stability: provisional.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        history: list[dict[str, float]],
        best: BestWeights | None = None,
        every_seconds: float = 30.0,
        share: float = 0.05,
        *,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.folder = None if folder is None else pathlib.Path(folder)
        self.history = history
        self.best = best
        self.every_seconds = every_seconds
        self.share = share
        self.last = last
        self._next = time.monotonic() + every_seconds
        self._interrupted = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.history.append(
            {"epoch": epoch + 1, **{name: float(value) for name, value in (logs or {}).items()}}
        )
        began = time.monotonic()
        is_due = self._interrupted or began >= self._next or self._is_last(epoch)
        if self.folder is not None and is_due and is_chief(self.model.distribute_strategy):
            self.save(epoch + 1)
            ended = time.monotonic()
            self._next = ended + max(self.every_seconds, (1.0 / self.share - 1.0) * (ended - began))
        if self._interrupted:
            raise KeyboardInterrupt

    def _is_last(self, epoch):
        return self.last and (self.model.stop_training or epoch + 1 == self.params["epochs"])

    @contextlib.contextmanager
    def saving_on_interrupt(self) -> Iterator[None]:
        """Within it, Ctrl-C lets the epoch finish and saves it; a second one stops at once."""
        if self.folder is None or threading.current_thread() is not threading.main_thread():
            # Nothing to save; or not where signals can be handled.
            yield
            return
        before = signal.getsignal(signal.SIGINT)
        if getattr(before, "noted", None):
            # A Ctrl-C came while the model was built, and some library swallowed it.
            raise KeyboardInterrupt

        def interrupt(number, frame):
            signal.signal(signal.SIGINT, before)
            self._interrupted = True
            print(
                "\nFinishing this epoch, to save it. Ctrl-C again stops at once.", file=sys.stderr
            )

        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def save(self, epochs_done: int) -> None:
        """Writes a checkpoint after `epochs_done` epochs."""
        folder = cast(pathlib.Path, self.folder)
        finished = folder / f"epoch-{epochs_done:06d}"
        begun = folder / f"writing-{epochs_done:06d}"
        shutil.rmtree(begun, ignore_errors=True)
        begun.mkdir(parents=True)
        # As a folder: a .keras file is put together in memory, one and a half times all weights and
        # slots.
        self.model.save(begun / "model", zipped=False)
        state: dict[str, Any] = {
            "epochs_done": epochs_done,
            "history": self.history,
            "best": None,
        }
        if self.best is not None and self.best.best_weights is not None:
            np.savez(begun / "best.npz", *self.best.best_weights)
            state["best"] = self.best.state()
        (begun / "state.json").write_text(json.dumps(state))
        begun.rename(finished)
        for other in checkpoints(folder)[:-1]:
            shutil.rmtree(other)


def checkpoints(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Finished checkpoints in a folder, oldest first."""
    return sorted(pathlib.Path(folder).glob("epoch-[0-9]*"))


def load_checkpoint(path: pathlib.Path) -> tuple[Any, dict[str, Any], list[np.ndarray] | None]:
    """A checkpoint's contents.

    Returns:
        `(model, state, best_weights)`; `best_weights` is a list of arrays, or None.
    """
    state = json.loads((path / "state.json").read_text())
    best_weights = None
    if state["best"] is not None:
        with np.load(path / "best.npz") as arrays:
            best_weights = [arrays[name] for name in arrays.files]
    file = path / "model.keras"  # as checkpoints were written before
    return keras.models.load_model(file if file.is_file() else path / "model"), state, best_weights
