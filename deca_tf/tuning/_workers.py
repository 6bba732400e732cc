"""Trials side by side.

Worker processes that share one oracle, by Keras Tuner's own protocol on this machine.
"""

import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import socket
import threading

from deca_tf._tensorflow import load_tensorflow

ADDRESS = "127.0.0.1"
CHIEF = "chief"
NO_PROXY = "no_grpc_proxy"  # gRPC's list of addresses to reach directly
DEATHS = 3  # of one worker, without a trial finished in between, after which the search is given up
LOOK_EVERY = 0.5  # seconds between two looks at the processes


@dataclasses.dataclass(frozen=True)
class Job:
    """One method's search, as every process of it is told.

    Args:
        folder: of the search.
        tuner: 'bayesian', 'hyperband' or 'grid'.
        trials: at most; None: the tuner's own number.
        hypermodel: arguments of `DeCAHyperModel`.
        threads: TensorFlow's, in each worker; None: all.
    """

    folder: pathlib.Path
    tuner: str
    trials: int | None
    hypermodel: dict
    threads: int | None = None

    def make_tuner(self):
        """The tuner of this process."""
        from deca_tf.tuning.hypermodel import DeCAHyperModel
        from deca_tf.tuning.tuners import know_as, make_tuner

        know_as(self.folder, os.environ.get("KERASTUNER_TUNER_ID", "tuner0"))
        return make_tuner(
            self.tuner, DeCAHyperModel(**self.hypermodel), self.folder, trials=self.trials
        )


def run_workers(job, workers, listener=lambda: None):
    """Runs a search by several processes, until the oracle has no more trials.

    A worker that dies is started again under its name, and the oracle gives it its trial again.

    Args:
        job: a `Job`; all of it can be pickled.
        workers: how many processes.
        listener: called now and then.

    Raises:
        RuntimeError: the oracle's process died, or one worker again and again. What was finished
            stays.
    """
    context = multiprocessing.get_context("spawn")  # a forked TensorFlow would hang
    port = _free_port()

    def start(name):
        process = context.Process(target=_work, args=(job, name, port), daemon=True, name=name)
        process.start()
        return process

    chief = start(CHIEF)
    running = {f"worker{number}": None for number in range(workers)}
    running = {name: start(name) for name in running}
    deaths = dict.fromkeys(running, (0, 0))  # how often since so many trials were finished
    try:
        while running:
            multiprocessing.connection.wait(
                [p.sentinel for p in (chief, *running.values())], LOOK_EVERY
            )
            listener()
            for name, process in list(running.items()):
                if process.is_alive():
                    continue
                process.join()
                if process.exitcode == 0:
                    del running[name]
                    continue
                finished = _finished(job.folder)
                times, since = deaths[name]
                deaths[name] = (times + 1 if since == finished else 1), finished
                if deaths[name][0] >= DEATHS:
                    raise RuntimeError(
                        f"A worker of the search died {DEATHS} times in a row (exit code "
                        f"{process.exitcode}), maybe "
                        "for want of memory. What it printed is above, what was finished is in "
                        f"{job.folder}. Try "
                        "fewer workers; the same command goes on."
                    )
                running[name] = start(name)
            if running and not chief.is_alive():
                chief.join()
                if chief.exitcode == 0:  # it has told all that asked that there is no more to do
                    break
                raise RuntimeError(
                    f"The process of the search's oracle died (exit code {chief.exitcode}). What "
                    "it printed is above, "
                    f"what was finished is in {job.folder}. The same command goes on."
                )
        listener()
    finally:
        # The oracle has written all it knows: it does so at the end of each trial.
        for process in (chief, *running.values()):
            process.terminate()
            process.join()


def _work(job, name, port):
    """The life of a process, the oracle's or a worker's."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C in the terminal is for the parent
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ |= {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": ADDRESS,
        "KERASTUNER_ORACLE_PORT": str(port),
        NO_PROXY: ",".join(filter(None, (os.environ.get(NO_PROXY), ADDRESS))),
    }
    load_tensorflow(1 if name == CHIEF else job.threads)
    job.make_tuner().search()


def _end_with_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _finished(folder):
    """How many trials have left a result."""
    return len(list(pathlib.Path(folder).glob("trial_*/result.json")))


def _free_port():
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]
