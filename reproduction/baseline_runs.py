"""Baselines as jobs of the grid: tuned and evaluated once for a data set, kept as a file."""

import dataclasses
import json
import pathlib
import time

from deca_tf._files import write_atomically
from deca_tf.data import schema
from reproduction.grid import Cell

# Seconds on one thread, roughly; by data set where it is known.
SECONDS = {"popularity": 5.0, "item-knn": 60.0, "ease": 120.0, "als": 400.0}


@dataclasses.dataclass(frozen=True)
class BaselineRun:
    """One baseline on one data set under 'clean', its settings chosen by the noisy validation.

    A job for `scheduler.run_jobs`.
    """

    dataset: str
    baseline: str

    def __str__(self):
        return self.name

    @property
    def name(self):
        """Its folder, relative to the root."""
        return f"{schema.CLEAN}/{self.dataset}/baseline-{self.baseline}"

    @property
    def seconds(self):
        """Estimate of the time it takes."""
        return SECONDS.get(self.baseline, 60.0) * {"adressa": 6.0, "electronics": 20.0}.get(
            self.dataset, 1.0
        )

    def file(self, root):
        """Where its results lie below `root`."""
        return pathlib.Path(root) / self.name / "metrics.json"

    def users_file(self, root):
        """Where its test users' metrics lie below `root`, a row per user."""
        return self.file(root).with_name("test_users.parquet")

    def is_finished(self, root):
        """Whether it has been tuned and evaluated."""
        return self.file(root).is_file()

    def read(self, root):
        """Its results, or None.

        Settings, validation recall@20, test metrics, and those of users with history.
        """
        return (
            json.loads(self.file(root).read_text(encoding="utf-8"))
            if self.is_finished(root)
            else None
        )

    def do(self, root, data_dir=None):
        """Tunes, evaluates and writes.

        Returns:
            What to say of it, a few words.
        """
        from deca_tf.evaluation import evaluate
        from deca_tf.runs.data import read_split
        from reproduction.baselines import tune

        split = read_split(Cell(self.dataset, schema.CLEAN, "mf", "none").config(0, data_dir))
        began = time.perf_counter()
        tuned = tune(self.baseline, split)
        evaluation = evaluate(tuned.model, split)
        file = self.file(root)
        file.parent.mkdir(parents=True, exist_ok=True)
        evaluation.per_user.to_parquet(self.users_file(root), index=False)
        results = {
            "dataset": self.dataset,
            "baseline": self.baseline,
            "settings": tuned.settings,
            "val_recall@20": tuned.recall,
            "test": evaluation.metrics,
            "test_warm": evaluation.warm,
            "seconds": time.perf_counter() - began,
        }
        write_atomically(file, json.dumps(results, indent=2) + "\n")
        return f"recall@20 {evaluation.metrics['recall@20']:.4f} with {tuned.settings or 'nothing to set'}"
