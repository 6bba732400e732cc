"""Trials side by side, and a worker that is killed."""

import json
import multiprocessing
import os
import signal

import pytest

from deca_tf.tuning import _workers as workers
from deca_tf.tuning import run_search
from tests.tuning.conftest import small


@pytest.mark.slow
def test_two_workers_share_a_search_and_a_killed_ones_trial_is_run_again(
    split, tmp_path, monkeypatch
):
    folder = tmp_path / "out" / "deca-limit"
    killed = []
    look = multiprocessing.connection.wait

    def wait_and_kill(sentinels, seconds):
        """Kills worker0 while the oracle thinks that it runs a trial."""
        oracle = folder / "oracle.json"
        if not killed and oracle.is_file():
            trial = json.loads(oracle.read_text())["ongoing_trials"].get("worker0")
            process = next(
                (p for p in multiprocessing.active_children() if p.name == "worker0"), None
            )
            if trial is not None and process is not None:
                os.kill(process.pid, signal.SIGKILL)
                killed.append(trial)
        return look(sentinels, 0.05)

    monkeypatch.setattr(workers.multiprocessing.connection, "wait", wait_and_kill)
    search = run_search(
        small(), tmp_path / "out", split=split, tuner="grid", trials=4, baseline=None, workers=2
    )
    frame = search.trials["deca-limit"]
    assert len(killed) == 1
    assert frame["status"].tolist() == ["completed"] * 4
    assert killed[0] in frame["trial"].tolist()
    assert set(frame["worker"]) == {"worker0", "worker1"}
    assert not [
        p for p in multiprocessing.active_children() if p.name in ("chief", "worker0", "worker1")
    ]
