"""What finished runs below a root have to say, each file read once."""

import functools
import pathlib

import numpy as np
import pandas as pd

from deca_tf._tensorflow import load_tensorflow
from deca_tf.data import schema
from deca_tf.runs.folder import RunFolder


class Results:
    """The finished runs of some seeds.

    Args:
        root: folder of the runs.
        seeds: integers, those that are looked at.
        data_dir: folder of the public data sets, for what needs them.
        say: called with a few words on what is being worked out, where that takes a while.

    Attributes:
        problems: what could not be worked out, and why: sentences.
    """

    def __init__(self, root, seeds, data_dir=None, say=lambda text: None):
        self.root = pathlib.Path(root)
        self.seeds = tuple(seeds)
        self.data_dir = data_dir
        self.say = say
        self.problems = []
        self._split = None, None  # the last one read, and of what

    @functools.cache  # noqa: B019 - as long-lived as the command
    def finished(self, cell):
        """Seeds of a cell that came to their end."""
        return tuple(seed for seed in self.seeds if self.folder(cell, seed).is_finished)

    def folder(self, cell, seed):
        """The `RunFolder` of one run."""
        return RunFolder(cell.folder(self.root, seed))

    @functools.cache  # noqa: B019
    def metrics(self, cell):
        """`metrics.json` of each finished seed, a tuple of dicts."""
        return tuple(self.folder(cell, seed).read_metrics() for seed in self.finished(cell))

    def values(self, cell, metric, part="test"):
        """A metric of each finished seed: a list, shorter where some do not have it.

        Args:
            cell: a `Cell`.
            metric: such as 'recall@20'.
            part: 'test', 'test_warm' or 'test_unmasked'.
        """
        parts = (metrics.get(part) or {} for metrics in self.metrics(cell))
        return [figures[metric] for figures in parts if metric in figures]

    def mean(self, cell, metric, part="test"):
        """Mean over the finished seeds, or None where there are none."""
        values = self.values(cell, metric, part)
        return float(np.mean(values)) if values else None

    def split(self, cell):
        """The `Split` of a cell's data."""
        wanted = cell.dataset, cell.protocol
        if self._split[0] != wanted:
            load_tensorflow()
            from deca_tf.runs.data import read_split

            self._split = wanted, read_split(cell.config(self.seeds[0], self.data_dir))
        return self._split[1]

    def histories(self, cell):
        """`history.csv` of each finished seed, a list of data frames with one row per epoch."""
        return [pd.read_csv(self.folder(cell, seed).history_file) for seed in self.finished(cell)]

    @functools.cache  # noqa: B019
    def per_user(self, cell):
        """Each test user's metrics, averaged over the finished seeds.

        A data frame by raw user id, or None.
        """
        files = [self.folder(cell, seed).users_file for seed in self.finished(cell)]
        frames = [pd.read_parquet(file) for file in files if file.is_file()]
        return pd.concat(frames).groupby(schema.USER_ID).mean() if frames else None

    @functools.cache  # noqa: B019
    def baseline_per_user(self, job):
        """As `per_user`, of a `BaselineRun`."""
        return (
            pd.read_parquet(job.users_file(self.root)).set_index(schema.USER_ID)
            if job.is_finished(self.root)
            else None
        )

    def outdated(self, cell):
        """How a finished run's settings differ from what its cell asks for today.

        Sentences, `[]` if all agree.
        """
        found = []
        for seed in self.finished(cell):
            try:
                self.folder(cell, seed).check(cell.config(seed))
            except FileExistsError as error:
                found.append(str(error))
        return found
