"""How long it takes, and what is shown meanwhile."""

import io
import json

import pytest
from rich.console import Console

from reproduction.baseline_runs import BaselineRun
from reproduction.costs import STARTING, Costs, stored_seconds
from reproduction.grid import Cell, Run
from reproduction.progress import Progress
from reproduction.workers import INTERRUPTED
from tests.reproduction.conftest import fake_run

NORMAL = Cell("modcloth", "paper", "gmf", "none")  # 40 epochs
LONG = Cell("modcloth", "paper", "gmf", "none", (("training.epochs", 80),))
DECA = Cell("modcloth", "paper", "gmf", "deca")
NEUMF = Cell("modcloth", "paper", "neumf", "deca")


def test_estimates_follow_what_is_most_alike(tmp_path):
    fake_run(tmp_path, NORMAL, 0, train={"wall_seconds": 40.0})
    costs = Costs(tmp_path, [Run(NORMAL, 0), Run(NORMAL, 1), Run(LONG, 0)])
    assert costs(Run(NORMAL, 1)) == 40 + STARTING
    assert costs(Run(LONG, 0)) == STARTING + 80  # a second for each epoch
    assert costs(Run(DECA, 0)) == STARTING + 40  # the same model, if another method
    assert costs(Run(NEUMF, 0)) > STARTING + 40  # nothing alike: by the table
    costs.learn(Run(DECA, 0), STARTING + 400)
    assert costs(Run(DECA, 1)) == STARTING + 400
    assert costs(Run(NORMAL, 1)) == 40 + STARTING
    assert costs(BaselineRun("adressa", "als")) > costs(BaselineRun("modcloth", "als")) > 0


def test_a_priors_time_counts(tmp_path):
    folder = tmp_path / "run"
    (folder / "prior").mkdir(parents=True)
    for part, seconds in ((folder, 5), (folder / "prior", 7)):
        (part / "metrics.json").write_text(json.dumps({"train": {"wall_seconds": seconds}}))
    assert stored_seconds(folder) == STARTING + 12
    (folder / "metrics.json").write_text("{}")
    assert stored_seconds(folder) is None


@pytest.mark.parametrize("is_terminal", [False, True])
def test_the_display(is_terminal):
    jobs = [Run(NORMAL, 0), Run(NORMAL, 1), Run(DECA, 0)]
    console = Console(
        file=io.StringIO(), force_terminal=is_terminal, width=100, legacy_windows=False
    )
    costs = {job: 3600 for job in jobs}

    class Known:
        def __call__(self, job):
            return costs[job]

        def learn(self, job, seconds):
            costs[job] = seconds

    with Progress(jobs, Known(), 1, console) as progress:
        progress.began(jobs[0])
        assert progress.left() == pytest.approx(3 * 3600, abs=1)
        progress.ended(jobs[0], "recall@20 0.1", None, 75.0)
        progress.began(jobs[1])
        progress.ended(jobs[1], None, "ValueError: [red]no", 2.0)
        progress.began(jobs[2])
        progress.tick()
        progress.ended(jobs[2], None, INTERRUPTED, 1.0)
    printed = console.file.getvalue()
    assert "1/3 paper/modcloth/gmf-none seed 0: 1 min 15 s, recall@20 0.1" in printed
    assert "2/3 paper/modcloth/gmf-none seed 1: 2 s, FAILED: ValueError: " in printed
    assert "3/3" not in printed  # it was interrupted
    assert costs[jobs[0]] == 75.0
    assert costs[jobs[1]] == 3600  # what failed says nothing
    assert ("2 of 3 done, 1 failed" in printed) == is_terminal
    assert ("about 2 h 00 min left" in printed.splitlines()[0]) == (not is_terminal)
