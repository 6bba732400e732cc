"""How long a job will take, from what finished ones took; guessed where there are none."""

import functools
import json
import statistics

from deca_tf.runs.folder import RunFolder
from reproduction.grid import Run

STARTING = 10.0  # seconds of a run beside its epochs: reading, tracing, evaluation
# Seconds of an epoch of normal training on one thread, roughly, for data sets of which nothing has
# run yet.
PER_EPOCH = {
    "ml-100k": {"mf": 0.5, "gmf": 0.5, "neumf": 3.0, "cdae": 0.5, "lightgcn": 4.0},
    "modcloth": {"mf": 1.5, "gmf": 1.5, "neumf": 5.0, "cdae": 3.0, "lightgcn": 15.0},
    "adressa": {"mf": 10.0, "gmf": 10.0, "neumf": 40.0, "cdae": 30.0, "lightgcn": 200.0},
    "electronics": {"mf": 60.0, "gmf": 60.0, "neumf": 200.0, "cdae": 200.0, "lightgcn": 1500.0},
}
TIMES_NORMAL = {"none": 1.0, "wbpr": 1.0, "deca-p": 3.0}  # the others train more than one network
OTHERS_TIMES_NORMAL = 1.5


class Costs:
    """Estimates of jobs' times.

    A run is estimated by the runs of its cell with other seeds, else by an epoch of the same model
    and method on the same data, else of the same model on the same data, the same protocol first,
    else by a table.

    Args:
        root: folder of the runs.
        jobs: list of jobs; the finished runs among them are what is known at first.
    """

    def __init__(self, root, jobs):
        self.root = root
        self._known = {}  # what it took, by how much it resembles a run
        for job in jobs:
            if isinstance(job, Run) and job.is_finished(root):
                self.learn(job, stored_seconds(job.folder(root)))

    def learn(self, job, seconds):
        """Notes how long a job took."""
        if seconds is None or not isinstance(job, Run):
            return
        self._known.setdefault(job.cell, []).append(seconds)
        each = max(seconds - STARTING, 1.0) / _epochs(job)
        for likeness in _likenesses(job.cell):
            self._known.setdefault(likeness, []).append(each)

    def __call__(self, job):
        """Seconds that a job will take, about."""
        if not isinstance(job, Run):
            return job.seconds
        if job.cell in self._known:
            return statistics.fmean(self._known[job.cell])
        for likeness in _likenesses(job.cell):
            if likeness in self._known:
                return STARTING + statistics.fmean(self._known[likeness]) * _epochs(job)
        by_backbone = PER_EPOCH.get(job.cell.dataset, PER_EPOCH["ml-100k"])
        each = by_backbone.get(job.cell.backbone, max(by_backbone.values()))
        return STARTING + each * TIMES_NORMAL.get(job.cell.denoiser, OTHERS_TIMES_NORMAL) * _epochs(
            job
        )


def stored_seconds(folder):
    """What a finished run says that its training took, its prior's included.

    None if that cannot be read.
    """
    seconds = STARTING
    for part in (RunFolder(folder).prior, folder):
        file = RunFolder(part).metrics_file
        try:
            seconds += json.loads(file.read_text(encoding="utf-8"))["train"]["wall_seconds"]
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError):
            return None
    return seconds


def _likenesses(cell):
    """What a run may be like, the nearest first."""
    alike = (cell.dataset, cell.backbone, cell.denoiser)
    return (
        (*alike, cell.protocol),
        alike,
        (cell.dataset, cell.backbone, None, cell.protocol),
        alike[:2],
    )


@functools.cache
def _epochs_of(cell):
    return cell.config(0).training.epochs


def _epochs(job):
    return _epochs_of(job.cell)
