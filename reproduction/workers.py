"""Processes that do one job after the other, each on a thread of its own.

Why not a pool of the standard library: when a worker is killed, for want of memory say,
`multiprocessing.Pool` waits for its job for ever, and `ProcessPoolExecutor` can hang while it
renews its processes. Nor do they tell which jobs are being done. Here a worker that dies fails its
job, and no other.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import sys
import threading
import time
import traceback

from deca_tf._tensorflow import load_tensorflow

JOBS_PER_PROCESS = 8  # then it is renewed: TensorFlow never frees what it has traced
ENDING = 5.0  # seconds that a process may take to end by itself
INTERRUPTED = "interrupted"


class Worker:
    """A process and the job that it is doing.

    Args:
        root, data_dir: given to every job.
        threads: how many TensorFlow may use; None: all.
        prepare: called with `threads` in the new process, before its first job.

    Attributes:
        job: what it is doing, or None.
        began: when it began that, by `time.monotonic`.
    """

    def __init__(self, root, data_dir, threads, prepare=load_tensorflow):
        context = multiprocessing.get_context("spawn")  # a forked TensorFlow would hang
        self.connection, far_end = context.Pipe()
        self.process = context.Process(
            target=_work, args=(far_end, root, data_dir, threads, prepare), daemon=True
        )
        self.process.start()
        far_end.close()  # ours, so that the worker's end is the only one and its death is seen
        self.job, self.began = None, 0.0
        self._left = JOBS_PER_PROCESS

    @property
    def is_used_up(self):
        """Whether it has to be replaced."""
        return self._left == 0

    def begin(self, job):
        """Hands over a job."""
        self.job, self.began = job, time.monotonic()
        self._left -= 1
        with contextlib.suppress(OSError):  # it is dead, which `result` will say
            self.connection.send(job)

    def result(self):
        """What came of the job, once `connection` is ready: `(note, error)`, one of them None."""
        self.job = None
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            self._left = 0
            code = self.process.exitcode
            reason = (
                "killed, maybe for want of memory"
                if code == -signal.SIGKILL
                else f"exit code {code}"
            )
            return None, f"its process died ({reason})"

    def interrupt(self):
        """Lets it finish and save the epoch; the second time it stops at once."""
        if self.process.is_alive() and self.process.pid:
            os.kill(self.process.pid, signal.SIGINT)

    def end(self):
        """Ends the process; what it is still doing is lost."""
        if self.job is None:
            with contextlib.suppress(OSError):
                self.connection.send(None)
                self.process.join(ENDING)
        self.connection.close()
        if self.process.is_alive():
            self.process.terminate()
            self.process.join()


def wait_for(workers, seconds):
    """Those of the workers whose results are ready, at the latest after so many seconds."""
    ready = multiprocessing.connection.wait([worker.connection for worker in workers], seconds)
    return [worker for worker in workers if worker.connection in ready]


def attempt(job, root, data_dir):
    """Does a job.

    Returns:
        `(note, error)`: what the job says of itself, or why it failed.
    """
    try:
        return job.do(root, data_dir), None
    except KeyboardInterrupt:
        return None, INTERRUPTED
    except (
        Exception
    ) as error:  # whatever it is: the other jobs go on, and it is reported at the end
        sys.stdout.flush()  # what was printed before the traceback stands before it
        traceback.print_exc()
        return None, f"{type(error).__name__}: {error}".rstrip(".")


def log_file(job, root):
    """What a job printed, warnings and traceback included.

    There is none where it printed nothing.
    """
    return pathlib.Path(root) / "logs" / f"{str(job).replace('/', ' ').replace(' ', '_')}.log"


def _work(connection, root, data_dir, threads, prepare):
    """The life of a worker's process."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C in the terminal is for the parent, which passes it on once
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_stop_without_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, EOFError, OSError):
        prepare(threads)
        while (job := connection.recv()) is not None:
            with _printing_to(log_file(job, root)):
                outcome = attempt(job, root, data_dir)
            connection.send(outcome)


def _stop_without_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGINT)  # saves the epoch


@contextlib.contextmanager
def _printing_to(path):
    """Sends what is printed, by Python or not, to a file, which goes if nothing was printed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = os.dup(1), os.dup(2)
    with path.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            for stream, copy, number in ((sys.stdout, kept[0], 1), (sys.stderr, kept[1], 2)):
                stream.flush()
                os.dup2(copy, number)
                os.close(copy)
    if not path.stat().st_size:
        path.unlink()
