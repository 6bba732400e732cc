"""Jobs are done once, in order, in processes that may die, and Ctrl-C loses nothing."""

import dataclasses
import importlib
import os
import signal

import pytest

from reproduction import workers
from reproduction.scheduler import jobs_to_do, run_jobs, seconds_left

# Processes find it by its name, on the path that they inherit.
JOBS_MODULE = '''
import dataclasses, os, pathlib, signal, sys, time


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    does: str = "note"

    def __str__(self):
        return self.name

    def is_finished(self, root):
        return (pathlib.Path(root) / self.name).exists()

    def do(self, root, data_dir=None):
        file = pathlib.Path(root) / self.name
        if self.does == "fail":
            print("what went before")
            raise ValueError("no such thing.")
        if self.does == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "wait":
            (file.with_suffix(".begun")).touch()
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                (file.with_suffix(".saved")).touch()
                raise
        file.write_text(str(os.getpid()))
        return f"did {self.name} with {data_dir}"


def prepare(threads):
    """Instead of TensorFlow."""
'''


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "fake_jobs_of_a_test.py").write_text(JOBS_MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("fake_jobs_of_a_test")


class Watch:
    """Notes what it is told."""

    def __init__(self, tick=lambda: None):
        self.told = []
        self.tick = tick

    def began(self, job):
        self.told.append(("began", job.name))

    def ended(self, job, note, error, seconds):
        assert seconds >= 0
        self.told.append(("ended", job.name, note, error))


def test_jobs_are_ordered_once_each_and_without_the_finished(module, tmp_path):
    long, short, early, done = (module.Job(name) for name in ("long", "short", "early", "done"))
    done.do(tmp_path)
    seconds = {"long": 9, "short": 1, "early": 2}
    asked = [(1, short), (1, long), (2, early), (0, early), (0, done), (2, short)]
    assert jobs_to_do(asked, tmp_path, lambda job: seconds[job.name]) == [early, long, short]


def test_one_that_fails_does_not_stop_the_others(module, tmp_path, capsys):
    jobs = [module.Job("a"), module.Job("b", "fail"), module.Job("c")]
    watch = Watch()
    failures = run_jobs(jobs, tmp_path, data_dir="data", processes=0, watch=watch)
    assert [(failure.job, failure.error) for failure in failures] == [
        (jobs[1], "ValueError: no such thing")
    ]
    assert [told for told in watch.told if told[0] == "ended"] == [
        ("ended", "a", "did a with data", None),
        ("ended", "b", None, "ValueError: no such thing"),
        ("ended", "c", "did c with data", None),
    ]
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupted_job_ends_it_all_and_finished_ones_stay(module, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Interrupted:
        name: str = "interrupted"

        def do(self, root, data_dir=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs([module.Job("a"), Interrupted(), module.Job("c")], tmp_path, processes=0)
    assert module.Job("a").is_finished(tmp_path)
    assert not module.Job("c").is_finished(tmp_path)


def test_processes_that_fail_or_die(module, tmp_path):
    jobs = [
        module.Job(name, does)
        for name, does in (("a", "die"), ("b", "fail"), ("c", "note"), ("d", "note"))
    ]
    watch = Watch()
    failures = run_jobs(jobs, tmp_path, processes=2, watch=watch, prepare=module.prepare)
    errors = {failure.job.name: failure for failure in failures}
    assert errors.keys() == {"a", "b"}
    assert errors["a"].error == "its process died (killed, maybe for want of memory)"
    assert errors["b"].error == "ValueError: no such thing"
    printed = errors["b"].log.read_text()
    assert printed.startswith("what went before\n")
    assert "Traceback" in printed
    assert {job.name for job in jobs if job.is_finished(tmp_path)} == {"c", "d"}
    assert not workers.log_file(jobs[2], tmp_path).exists()  # it printed nothing
    assert len([told for told in watch.told if told[0] == "ended"]) == 4
    assert (tmp_path / "c").read_text() != str(os.getpid())


def test_processes_are_renewed(module, tmp_path):
    jobs = [module.Job(f"job-{number}") for number in range(workers.JOBS_PER_PROCESS + 1)]
    assert run_jobs(jobs, tmp_path, processes=1, prepare=module.prepare) == []
    pids = [(tmp_path / job.name).read_text() for job in jobs]
    assert len(set(pids[:-1])) == 1
    assert pids[-1] != pids[0]


def test_ctrl_c_lets_runs_save(module, tmp_path):
    jobs = [module.Job("a", "wait"), module.Job("b", "wait"), module.Job("c")]
    pressed = []

    def press_once():
        if not pressed and all((tmp_path / f"{name}.begun").exists() for name in "ab"):
            pressed.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs, tmp_path, processes=2, watch=Watch(press_once), prepare=module.prepare)
    assert all((tmp_path / f"{name}.saved").exists() for name in "ab")
    assert not any(job.is_finished(tmp_path) for job in jobs)


@pytest.mark.parametrize(
    ("running", "waiting", "processes", "expected"),
    [
        ([10], [5, 5, 5], 2, 15),  # one is free: 5, 10; then both are at 10
        ([], [4, 4, 4], 2, 8),
        ([-3], [], 1, 0),  # it takes longer than was thought
        ([1, 2], [], 2, 2),
    ],
)
def test_time_left(running, waiting, processes, expected):
    assert seconds_left(running, waiting, processes) == expected
