"""Doing jobs that are not done yet, several at once.

In order, with what is going on to be seen, whatever fails.
"""

import dataclasses
import heapq
import time

from deca_tf._tensorflow import load_tensorflow
from reproduction.workers import INTERRUPTED, Worker, attempt, log_file, wait_for

TICK = 0.5  # seconds between two looks at what is going on


@dataclasses.dataclass(frozen=True)
class Failure:
    """A job that failed.

    Args:
        job: the job.
        error: why, one line.
        log: path of what it printed, traceback included; None where there is none.
    """

    job: object
    error: str
    log: object = None


def jobs_to_do(jobs, root, seconds_of):
    """What is not finished, each job once, in the order in which it is to be done.

    Jobs of an earlier stage come first, and within a stage the longest, so that all processes end
    together.

    Args:
        jobs: list of pairs of a stage, any integer, and a job: something that can be hashed, with
            `is_finished(root)` and `do(root, data_dir)`.
        root: folder of the runs.
        seconds_of: estimate of a job's time.

    Returns:
        A list of jobs.
    """
    stages = {}
    for stage, job in jobs:
        stages[job] = min(stage, stages.get(job, stage))
    left = [job for job in stages if not job.is_finished(root)]
    return sorted(left, key=lambda job: (stages[job], -seconds_of(job)))


def run_jobs(jobs, root, *, data_dir=None, processes=1, watch=None, prepare=load_tensorflow):
    """Does jobs in the order given; one that fails does not stop the others.

    Args:
        jobs: list of jobs.
        root: folder of the runs.
        data_dir: folder of the public data sets.
        processes: how many at once, one thread each if more than one. 0: one after the other in
            this very process, whose memory grows with each run, since TensorFlow never frees what
            it has traced.
        watch: told of what happens, see `progress.Progress`: `began(job)`, `ended(job, note, error,
            seconds)` and `tick()`; None: nobody.
        prepare: what a process does before its first job, given the number of its threads.

    Returns:
        A list of `Failure`.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed. Runs that were going on have saved the epoch they
            were at; pressed again, they were stopped at once and go on from their newest
            checkpoint.
    """
    watch = watch or _Nobody()
    if processes == 0:
        return _one_by_one(jobs, root, data_dir, watch)
    crew = _Crew(root, data_dir, processes, watch, prepare)
    try:
        return crew.do(jobs)
    except KeyboardInterrupt:
        crew.save()
        raise
    finally:
        crew.end()


def seconds_left(running, waiting, processes):
    """How long it takes until all is done, if each worker takes up the next job as it becomes free.

    Args:
        running: seconds that the jobs being done still need.
        waiting: seconds of the others, in their order.
        processes: how many are done at once.
    """
    free_at = [max(0.0, seconds) for seconds in running]
    free_at += [0.0] * (max(1, processes) - len(free_at))
    heapq.heapify(free_at)
    for seconds in waiting:
        heapq.heappush(free_at, heapq.heappop(free_at) + seconds)
    return max(free_at)


def _one_by_one(jobs, root, data_dir, watch):
    failures = []
    for job in jobs:
        watch.began(job)
        began = time.monotonic()
        note, error = attempt(job, root, data_dir)
        watch.ended(job, note, error, time.monotonic() - began)
        if error == INTERRUPTED:
            raise KeyboardInterrupt
        if error:
            failures.append(Failure(job, error))
    return failures


class _Crew:
    """The workers."""

    def __init__(self, root, data_dir, processes, watch, prepare):
        self.root = root
        self.data_dir = data_dir
        self.threads = None if processes == 1 else 1  # so that they do not wait for each other
        self.processes = processes
        self.watch = watch
        self.prepare = prepare
        self.workers = []
        self.failures = []

    def do(self, jobs):
        waiting = list(reversed(jobs))
        while waiting or self._busy():
            while waiting and len(self._busy()) < self.processes:
                job = waiting.pop()
                self._free_worker().begin(job)
                self.watch.began(job)
            self._collect()
        return self.failures

    def save(self):
        """After Ctrl-C: waits for the runs to save their epoch, unless it is pressed again."""
        for worker in self.workers:
            worker.interrupt()
        while self._busy():
            self._collect()

    def end(self):
        for worker in self.workers:
            worker.end()

    def _busy(self):
        return [worker for worker in self.workers if worker.job is not None]

    def _free_worker(self):
        for worker in [
            worker for worker in self.workers if worker.is_used_up and worker.job is None
        ]:
            worker.end()
            self.workers.remove(worker)
        for worker in self.workers:
            if worker.job is None:
                return worker
        worker = Worker(self.root, self.data_dir, self.threads, self.prepare)
        self.workers.append(worker)
        return worker

    def _collect(self):
        for worker in wait_for(self._busy(), TICK):
            job, seconds = worker.job, time.monotonic() - worker.began
            note, error = worker.result()
            self.watch.ended(job, note, error, seconds)
            if error and error != INTERRUPTED:
                log = log_file(job, self.root)
                self.failures.append(Failure(job, error, log if log.is_file() else None))
        self.watch.tick()


class _Nobody:
    def began(self, job):
        """Nothing."""

    def ended(self, job, note, error, seconds):
        """Nothing."""

    def tick(self):
        """Nothing."""
