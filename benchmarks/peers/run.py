"""Is DeCA, which trains four networks, cheaper than other people's training of one?

    make bench-peers ARGS="--dataset ml-100k --data-dir DIR --out FILE"

Same training pairs, same sizes (embeddings of 32, LightGCN's of 64 with three layers, NeuMF's
perceptron 256-128-64-32), same threads. Every contender is a process of its own; they take turns at
training an epoch (ours as many as make 400 updates) and at evaluating the test by a full ranking.
Medians over the turns are printed and written as JSON. An update is on 2,048 positives and their
negatives; for CDAE on as many users, or all there are; for implicit it is 2,048 pairs' share of a
pass.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import numpy as np

OURS = [
    f"{backbone} {denoiser}"
    for backbone in ("gmf", "neumf", "lightgcn", "cdae")
    for denoiser in ("deca", "none")
]
OURS += ["gmf deca lazy-adam", "neumf deca lazy-adam"]
PEERS = ["BPR", "NeuMF", "LightGCN", "CDAE", "implicit-bpr", "implicit-als"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dataset", default="ml-100k", help="a data set of deca_tf (default: %(default)s)"
    )
    parser.add_argument("--data-dir", help="folder of the public data sets")
    parser.add_argument(
        "--python", default="build/peers/bin/python", help="of the peers (default: %(default)s)"
    )
    parser.add_argument(
        "--models", nargs="+", default=[*OURS, "plain Keras GMF", *PEERS], help="default: all"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of each (default: %(default)s)"
    )
    parser.add_argument(
        "--turns", type=int, default=5, help="timed turns of each (default: %(default)s)"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _write(arguments, pathlib.Path(folder))
        workers = {name: _start(name, arguments, folder) for name in arguments.models}
        try:
            times = _take_turns(workers, arguments.turns)
        finally:
            for worker in workers.values():
                worker.kill()
                worker.wait()
    results = {
        "dataset": arguments.dataset,
        "threads": arguments.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "models": {
            name: {
                question: statistics.median(values) if values else None
                for question, values in found.items()
            }
            for name, found in times.items()
        },
    }
    for name, found in results["models"].items():
        evaluated = "" if found["evaluate"] is None else f"{found['evaluate']:12,.0f} users/s"
        print(f"{arguments.dataset:10} {name:16} {found['train']:10.2f} ms/update {evaluated}")
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def _take_turns(workers, turns):
    times = {name: {"train": [], "evaluate": []} for name in workers}
    for turn in range(turns + 2):  # two turns compile and warm up
        for question in ("train", "evaluate"):
            for name, worker in workers.items():
                answer = _ask(worker, question)
                if turn > 1 and answer is not None:
                    times[name][question].append(answer)
    return times


def _write(arguments, folder):
    """The data, for processes that know nothing of deca_tf."""
    from benchmarks.contenders import read

    split = read(arguments.dataset, arguments.data_dir, "clean")
    is_warm = split.train.user_activity()[split.test.user_id] > 0
    for part, rows, chosen in (("train", split.train, slice(None)), ("test", split.test, is_warm)):
        np.savez(folder / f"{part}.npz", user_id=rows.user_id[chosen], item_id=rows.item_id[chosen])


def _start(name, arguments, folder):
    threads = ["--threads", str(arguments.threads)]
    if name in PEERS:
        worker = pathlib.Path(__file__).with_name("recbole_worker.py")
        command = [
            str(pathlib.Path(arguments.python).absolute()),
            str(worker.resolve()),
            folder,
            name,
            *threads,
        ]
    else:
        where = ["--data-dir", arguments.data_dir] if arguments.data_dir else []
        command = [
            sys.executable,
            "-m",
            "benchmarks.peers.ours_worker",
            arguments.dataset,
            name,
            *where,
            *threads,
        ]
    limits = {
        f"{library}_NUM_THREADS": str(arguments.threads) for library in ("OMP", "MKL", "OPENBLAS")
    }
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get("SHOW_ERRORS") else subprocess.DEVNULL,
        text=True,
        cwd=folder if name in PEERS else None,  # RecBole leaves logs where it is run
        env={**os.environ, **limits},
    )
    _answer(process, name)
    return process


def _ask(worker, question):
    worker.stdin.write(question + "\n")
    worker.stdin.flush()
    return _answer(worker, question)


def _answer(worker, what):
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(
            f"A worker must answer. Received: nothing at {what!r}, exit code {worker.wait()}. "
            "See its messages with SHOW_ERRORS=1."
        )
    return json.loads(line)


if __name__ == "__main__":
    main()
