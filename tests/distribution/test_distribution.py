"""Strategies by name, clusters, and what has to hold between worker processes.

The processes are real ones on 127.0.0.1.
"""

import contextlib
import csv
import json
import os
import pathlib
import re
import runpy
import signal
import socket
import subprocess
import sys
import types

import pytest
import tensorflow as tf
import tomli_w

from deca_tf import distribution
from deca_tf.config import merge, resolve
from deca_tf.data import load_split, write_shards
from deca_tf.distribution import _cluster as cluster
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.run import run
from deca_tf.training.deca_model import KERAS_AVERAGES_LOGS_OVER_AXIS_0

pytestmark = pytest.mark.filterwarnings(
    "ignore:Training has collapsed"
)  # a few epochs on a small table
ROOT = pathlib.Path(__file__).parents[2]
WORKER = ROOT / "tests" / "distribution/worker.py"
SECONDS = 360  # for a pair of workers: bounded, and generous for a busy machine
EPOCHS, STEPS, PHASES = 4, 5, 2
SETTINGS = {
    "data": {
        "dataset": "synthetic",
        "options": {"num_users": 60, "num_items": 40, "num_clicks": 800},
    },
    "backbone": {"name": "mf", "embedding_dim": 4},
    "denoiser": {"name": "deca"},
    "training": {
        "epochs": EPOCHS,
        "batch_size": 64,
        "learning_rate": 0.05,
        "jit_compile": False,
        "keep": "last",
    },
}


def settings(*more):
    return resolve(overrides=merge(SETTINGS, *more))


# Clusters


def tf_config(**changes):
    given = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}
    return json.dumps({**given, **changes})


@pytest.fixture
def environment(monkeypatch):
    """Without any description of a cluster."""
    for name in [*os.environ]:
        if name == "TF_CONFIG" or name.startswith(
            ("SLURM_", "KUBERNETES_", "DECA_TF_NUM", "DECA_TF_POD", "NODE_IP")
        ):
            monkeypatch.delenv(name)
    return monkeypatch


def test_tf_config_names_the_workers_and_this_one(environment):
    environment.setenv("TF_CONFIG", tf_config(task={"type": "worker", "index": "1"}))
    environment.setenv("SLURM_STEP_NUM_TASKS", "2")  # TF_CONFIG goes first
    found = cluster.find_cluster()
    assert found.cluster_spec().as_dict() == {"worker": ["a:1", "b:2"]}
    assert (found.task_type, found.task_id) == ("worker", 1)


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("{", "JSON"),
        ("[]", "'cluster' and 'task'"),
        (tf_config(task=None), "'cluster' and 'task'"),
        (tf_config(cluster={}), "'worker' and perhaps 'chief'"),
        (tf_config(cluster={"worker": ["a:1"], "ps": ["b:1"]}), "no parameter servers"),
        (tf_config(cluster={"worker": "a:1"}), "list of addresses"),
        (tf_config(cluster={"worker": ["a:1"], "chief": ["b:1", "c:1"]}), "one for 'chief'"),
        (tf_config(cluster={"worker": ["a:1", "b"]}), "addresses 'host:port'"),
        (tf_config(cluster={"worker": ["a:1", "a:1"]}), "different address for each worker"),
        (tf_config(task={"type": "worker", "index": 2}), "'index' from 0"),
        (tf_config(task={"type": "evaluator", "index": 0}), "as 'task' one of the cluster's"),
    ],
)
def test_malformed_tf_config_is_refused(text, required):
    with pytest.raises(
        ValueError, match=f"TF_CONFIG must hold .*{re.escape(required)}.*Received: "
    ):
        cluster.from_tf_config(text)


def test_no_cluster_at_all_is_refused(environment):
    with pytest.raises(ValueError, match="neither TF_CONFIG nor a Slurm step nor Kubernetes"):
        distribution.make_strategy("multi-worker")


def test_slurm_counts_tasks_over_hosts(environment):
    step = {
        "SLURM_PROCID": "2",
        "SLURM_STEP_NUM_TASKS": "3",
        "SLURM_STEP_NODELIST": "node[07-08]",
        "SLURM_STEP_TASKS_PER_NODE": "2,1",
    }
    for name, value in step.items():
        environment.setenv(name, value)
    found = cluster.find_cluster()
    assert found.cluster_spec().as_dict() == {
        "worker": ["node07:8888", "node07:8889", "node08:8888"]
    }
    assert (found.task_type, found.task_id) == ("worker", 2)
    environment.delenv("SLURM_STEP_NODELIST")
    with pytest.raises(ValueError, match="SLURM_STEP_NODELIST.*must describe a step"):
        cluster.find_cluster()


class FakePods:
    """Of `kubernetes.client.CoreV1Api` what is asked: the pods, the last of which starts late."""

    def __init__(self, *addresses, starting=0):
        self.addresses = addresses
        self.starting = starting
        self.asked = []

    def list_pod_for_all_namespaces(self, label_selector):
        self.asked.append(label_selector)
        late = len(self.asked) <= self.starting
        pods = [
            types.SimpleNamespace(
                status=types.SimpleNamespace(
                    phase="Pending" if late and number else "Running", host_ip=address
                ),
                metadata=types.SimpleNamespace(name=f"pod-{number}"),
            )
            for number, address in enumerate(self.addresses)
        ]
        return types.SimpleNamespace(items=pods)


def in_kubernetes(environment, workers="2"):
    for name, value in {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        cluster.NUM_WORKERS: workers,
        cluster.NODE_IP: "10.0.0.9",
        cluster.POD_LABELS: "job-name=clicks",
    }.items():
        environment.setenv(name, value)


def test_pods_wait_for_each_other_and_agree_on_their_order(environment):
    in_kubernetes(environment)
    pods, pauses = FakePods("10.0.0.9", "10.0.0.4", starting=2), []
    found = cluster.from_kubernetes(pods, pause=pauses.append)
    assert found.cluster_spec().as_dict() == {"worker": ["10.0.0.4:8470", "10.0.0.9:8470"]}
    assert (found.task_type, found.task_id) == ("worker", 1)
    assert pods.asked == ["job-name=clicks"] * 3
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("pods", "received"),
    [
        (("10.0.0.9",), "['10.0.0.9:8470']"),
        (("10.0.0.4", "10.0.0.5"), "10.0.0.5"),
        (("10.0.0.9", "b", "c"), "'b:"),
    ],
    ids=["too few", "without this one", "too many"],
)
def test_other_pods_than_were_promised_are_refused(pods, received, environment):
    in_kubernetes(environment)
    with pytest.raises(
        ValueError,
        match=f"2 pods with the labels 'job-name=clicks' must run.*{re.escape(received)}",
    ):
        cluster.from_kubernetes(FakePods(*pods), wait_seconds=0, pause=None)


def test_kubernetes_says_what_is_missing(environment):
    in_kubernetes(environment)
    environment.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'deca-tf\[kubernetes\]'"):
        cluster.find_cluster()
    environment.delenv(cluster.NODE_IP)
    with pytest.raises(ValueError, match="must have DECA_TF_NUM_WORKERS.*NODE_IP, missing"):
        cluster.find_cluster()
    in_kubernetes(environment, workers="two")
    with pytest.raises(ValueError, match="DECA_TF_NUM_WORKERS='two', no integer"):
        cluster.find_cluster()


# One process


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="`strategy` must be one of .*Did you mean 'mirrored'"):
        distribution.make_strategy("mirored")
    with pytest.raises(
        ValueError, match=r"`training.strategy` must be .*Received: training.strategy='ps'"
    ):
        settings({"training": {"strategy": "ps"}})


def test_multi_worker_after_the_first_operation_is_refused(environment):
    tf.constant(1)
    environment.setenv(
        "TF_CONFIG", tf_config(cluster={"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]})
    )
    with pytest.raises(
        RuntimeError, match="must be made before TensorFlow runs anything.*Restart the kernel"
    ):
        distribution.make_strategy("multi-worker")


def test_one_process_is_its_own_chief_and_agrees_with_itself():
    strategy = distribution.make_strategy()
    assert distribution.is_chief(strategy) and not distribution.is_multi_worker(strategy)
    distribution.agree(strategy, settings="any")
    distribution.barrier(strategy)
    assert distribution.chief_values(strategy, [0.5]) == [0.5]


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """The folder of the run on one device."""
    folder = tmp_path_factory.mktemp("one") / "run"
    run(settings(), folder, show_progress=False)
    return folder


def test_a_run_is_mirrored_over_all_devices_of_the_machine(one_process, two_cpus, tmp_path):
    config = settings({"training": {"strategy": "mirrored", "jit_compile": True}})
    assert distribution.make_strategy("mirrored").num_replicas_in_sync == 2
    run(config, tmp_path / "run", show_progress=False)
    assert_same_curve(tmp_path / "run", one_process)


def test_a_batch_that_cannot_be_dealt_out_is_refused_before_training(two_cpus, tmp_path):
    config = settings({"training": {"strategy": "mirrored", "batch_size": 63}})
    with pytest.raises(ValueError, match="must divide by phases x devices, 2 x 2. Received: 126"):
        run(config, tmp_path / "run", show_progress=False)


def curve(folder):
    with (folder / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_same_curve(folder, expected):
    """Equal but for rounding, which can swap two items of nearly equal score in somebody's list."""
    rows, others = curve(folder), curve(expected)
    assert len(rows) == len(others) == EPOCHS
    assert others[-1]["loss"] < others[0]["loss"] - 0.1  # else any two would be alike
    for row, other in zip(rows, others, strict=True):
        assert set(row) == set(other)
        for name in row:
            tolerance = 0.02 if "@" in name else 1e-4 * abs(other[name])
            assert abs(row[name] - other[name]) <= tolerance, (name, row, other)


# Two processes


def free_ports(count):
    """Ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def run_workers(*arguments, alone=lambda index: ()):
    """Runs two workers to their ends.

    Args:
        *arguments: of each.
        alone: function from a worker's index to further arguments of its own.

    Returns:
        For each `(exit code, what it printed)`.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }
    workers = []
    try:
        for index in range(2):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            command = [sys.executable, WORKER, *arguments, *alone(index)]
            workers.append(
                subprocess.Popen(
                    [*map(str, command)],
                    env={**environment, "TF_CONFIG": json.dumps(task)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        printed = [worker.communicate(timeout=SECONDS)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return [(worker.returncode, text) for worker, text in zip(workers, printed, strict=True)]


def test_two_workers_fit_like_one_process(tmp_path):
    split = load_split("synthetic", **SETTINGS["data"]["options"])
    write_shards(split, tmp_path / "shards")
    ended = run_workers("fit", alone=lambda index: [tmp_path / f"{index}.json"])
    assert [code for code, _ in ended] == [0, 0], ended
    chief, other = (json.loads((tmp_path / f"{index}.json").read_text()) for index in range(2))
    assert (chief["chief"], other["chief"]) == (True, False)
    assert chief["chief_values"] == other["chief_values"] == [0.1, 3.0]
    for each in (chief, other):
        assert re.match(
            "All workers must have the same seed. Received: others than", each["disagreement"]
        )
        # When this fails, Keras does it itself: remove KERAS_AVERAGES_LOGS_OVER_AXIS_0 and `_logs`
        # from deca_model.py.
        assert each["keras_cannot_reduce_scalars"] == KERAS_AVERAGES_LOGS_OVER_AXIS_0
    assert chief["curves"] == other["curves"]
    expected = runpy.run_path(str(WORKER))["curves"](distribution.make_strategy())
    assert set(chief["curves"]) == set(expected)
    for model, curves in expected.items():
        assert set(chief["curves"][model]) == set(curves), model
        for name, values in curves.items():
            assert chief["curves"][model][name] == pytest.approx(values, rel=2e-5), (model, name)
    # Streamed, each reads rows of its own, as many as the other, and both together hardly leave
    # any.
    for ours, theirs in zip(chief["read"], other["read"], strict=True):
        assert len(ours) == len(theirs)
        both = {*ours, *theirs}
        assert len(split.train) - 32 < len(both) == len(ours) + len(theirs)
        assert both <= set(split.train.pair_key.tolist())
    assert chief["read"][0] != chief["read"][1]
    first, last = curve(tmp_path / "run")
    assert last["loss"] < first["loss"] - 0.05
    assert RunFolder(tmp_path / "run").is_finished


def test_a_worker_is_killed_and_all_are_started_again(one_process, tmp_path):
    """Both halves together are the run of one process.

    Two epochs by one pair of workers, two by another.
    """
    recipe, folder = tmp_path / "recipe.toml", tmp_path / "run"
    recipe.write_text(tomli_w.dumps(settings({"training": {"strategy": "multi-worker"}}).to_dict()))
    command = ("train", "--recipe", recipe, "--out", folder)
    in_epoch_3 = 2 * STEPS * PHASES + 4
    (chief, said), (killed, _) = run_workers("run", in_epoch_3, *command)
    assert killed == -signal.SIGKILL
    assert chief == 2, said
    assert "another one is gone" in said and "goes on from the last checkpoint" in said
    assert not RunFolder(folder).is_finished
    assert [path.name for path in (folder / "checkpoint").iterdir()] == ["epoch-000002"]
    saved = json.loads((folder / "checkpoint" / "epoch-000002" / "state.json").read_text())[
        "history"
    ]
    ended = run_workers("run", 0, *command)
    assert [code for code, _ in ended] == [0, 0], ended
    assert "recall@20" in ended[0][1]  # the chief's table
    assert "recall" not in ended[1][1] and "synthetic" not in ended[1][1]
    assert_same_curve(folder, one_process)
    assert curve(folder)[:2] == saved
    assert {path.name for path in folder.iterdir()} == {path.name for path in one_process.iterdir()}
    metrics, expected = RunFolder(folder).read_metrics(), RunFolder(one_process).read_metrics()
    assert metrics["train"]["steps"] == 2 * STEPS * PHASES  # of the second pair alone
    assert metrics["test"]["recall@20"] == pytest.approx(expected["test"]["recall@20"], abs=0.02)
