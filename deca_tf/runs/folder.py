"""The folder of a run: what lies where, and nothing half-written ever looks finished."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tomli_w

from deca_tf._files import INPUT, UNFINISHED, OtherSettingsError, locked, write_atomically
from deca_tf.config import Config, resolve

if TYPE_CHECKING:
    from deca_tf.baselines.baseline import Baseline
    from deca_tf.training.deca_model import DeCAModel


class RunFolder:
    """A run's files, see `docs/runs.md`. It is finished once it has `metrics.json`, written last.

    Args:
        path: of the folder; created when a run begins.

    Stability: provisional.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.toml"
        self.data_file = self.path / "data.sha256"
        self.model_file = self.path / "model.keras"
        self.baseline_file = self.path / "model.npz"
        self.history_file = self.path / "history.csv"
        self.users_file = self.path / "test_users.parquet"
        self.metrics_file = self.path / "metrics.json"
        self.checkpoints = self.path / "checkpoint"
        self.prior = self.path / "prior"
        self.choice_file = self.path / "choice.json"
        self.refit = self.path / "refit"
        self.cuts = self.path / "cuts"

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return self.metrics_file.is_file()

    def check(self, config: Config) -> None:
        """Refuses a folder that is not free for a run, nor already this run's.

        Raises:
            FileExistsError: the folder belongs to a run with other settings, or to something else.
        """
        if self.config_file.is_file():
            stored = self.read_config()
            differing = _differences(stored.to_dict(), config.to_dict())
            if config.data.protocol is None:  # which then follows from the data
                differing = [each for each in differing if each[0] != "data.protocol"]
            if differing:
                key, before, now = differing[0]
                raise OtherSettingsError(
                    "`out` must be a new folder, or that of the same run. Received: "
                    f"{os.fspath(self.path)!r}, whose {key} is {before!r} and not {now!r}. Name "
                    "another folder, or delete this one.",
                    self.path,
                    differing,
                )
        elif self.path.exists() and not all(
            file.name.startswith((UNFINISHED, f"{INPUT}.")) for file in self.path.iterdir()
        ):
            raise FileExistsError(
                "`out` must be a new or empty folder, or that of the same run. Received: "
                f"{os.fspath(self.path)!r}, "
                "which holds other files."
            )

    def begin(self, config: Config) -> None:
        """Makes the folder this run's, after `check`."""
        self.check(config)
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.config_file.is_file():
            write_atomically(self.config_file, tomli_w.dumps(config.to_dict()))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out of the folder until this one ends, however it does.

        Raises:
            FileExistsError: another run is at work in it.
        """
        refusal = (
            "`out` must be a folder that no other run is using. Received: "
            f"{os.fspath(self.path)!r}, in which "
            "another process is at work. Wait for it, or name another folder."
        )
        with locked(self.path, refusal):
            yield

    def bind_data(self, fingerprint: str) -> None:
        """Notes which data the run is made of; refuses other data from then on."""
        self.check_data(fingerprint)
        if not self.data_file.is_file():
            write_atomically(self.data_file, fingerprint + "\n")

    def check_data(self, fingerprint: str) -> None:
        """Refuses other data than the run was made of, as far as that was noted.

        Raises:
            ValueError: train set or ids are others, so that the model's rows would stand for other
                users and items.
        """
        if (
            self.data_file.is_file()
            and self.data_file.read_text(encoding="utf-8").strip() != fingerprint
        ):
            raise ValueError(
                "The data must be what the run was trained on. Received: "
                f"{os.fspath(self.path)!r}, and other users, "
                "items or training pairs than then. Bring that data back, or train anew in another "
                "folder."
            )

    def read_config(self) -> Config:
        """The run's settings.

        Raises:
            FileNotFoundError: the folder is no run's.
        """
        if not self.config_file.is_file():
            raise FileNotFoundError(
                f"A run's folder must hold config.toml. Received: {os.fspath(self.path)!r}. Name "
                "the folder that was "
                "given to `deca-tf train --out`."
            )
        config = resolve(self.config_file)
        name = pathlib.Path(config.data.dataset).name
        if name.startswith(f"{INPUT}.") and (self.path / name).is_file():
            config.data.dataset = os.fspath((self.path / name).absolute())  # it moves along
        return config

    def read_metrics(self) -> dict[str, Any]:
        """The run's `metrics.json`.

        Raises:
            FileNotFoundError: the folder is no run's, or the run has not finished.
        """
        self.read_config()
        if not self.is_finished:
            raise FileNotFoundError(
                f"The run must be finished. Received: {os.fspath(self.path)!r} without "
                "metrics.json. Go on with it by "
                "the `deca-tf train` command that began it."
            )
        return json.loads(self.metrics_file.read_text(encoding="utf-8"))

    def read_choice(self) -> dict[str, Any] | None:
        """What the first stage of a run with a refit has left; None: it is not over."""
        if not self.choice_file.is_file():
            return None
        return json.loads(self.choice_file.read_text(encoding="utf-8"))

    def write_choice(self, choice: dict[str, Any]) -> None:
        """Ends the first stage of a run with a refit; its checkpoints go."""
        write_atomically(self.choice_file, json.dumps(choice) + "\n")
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def finish(
        self,
        model: DeCAModel | Baseline,
        history: list[dict[str, float]],
        metrics: dict[str, Any],
        users: pd.DataFrame,
    ) -> None:
        """Writes the results, `metrics.json` last, and removes the checkpoints.

        Args:
            model: the trained model.
            history: the logs of each epoch.
            metrics: the contents of `metrics.json`.
            users: `Evaluation.per_user`.
        """
        if hasattr(model, "without_optimizers"):
            unfinished = self.path / f"{UNFINISHED}{self.model_file.name}"
            with model.without_optimizers():
                model.save(unfinished)
            unfinished.replace(self.model_file)
        else:
            model.save(self.baseline_file)
        columns = list(dict.fromkeys(name for row in history for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        beside = self.path / f"{UNFINISHED}{self.users_file.name}"
        users.astype({name: np.float32 for name in users.columns if "@" in name}).to_parquet(
            beside, index=False
        )
        beside.replace(self.users_file)
        write_atomically(self.history_file, text.getvalue())
        write_atomically(self.metrics_file, json.dumps(metrics, indent=2) + "\n")
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(self.refit, ignore_errors=True)
        self.choice_file.unlink(missing_ok=True)


def _differences(stored, asked, prefix=""):
    """Settings in which two runs differ; where data lies and devices do not count.

    A list of `(setting, value before, value now)`.
    """
    found = []
    for key in sorted({*stored, *asked} - {"data_dir", "folder", "strategy"}):
        before, now = stored.get(key), asked.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            found += _differences(before, now, f"{prefix}{key}.")
        elif before != now:
            found.append((f"{prefix}{key}", before, now))
    return found
