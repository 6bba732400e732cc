"""Can a log be trained on without being held in memory?

Ten million interactions, streamed from shards under DeCA.

    python -m benchmarks.streaming --interactions 10000000 --threads 1 --out FILE

Distinct pairs are drawn, popular items and active users more often, and written to shards; 1,000
users have a row held out for validation and one for the test. Then batches alone are drawn,
streamed with each kind of negatives and from memory, for one epoch each; and one epoch is trained
as `deca-tf train` does, and evaluated. Each of these has a process of its own; memory is the peak
of all of it, TensorFlow included, and what it was before the data was opened.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HELD_OUT_USERS = 1000
BATCH = 2048  # positives of an update; a step has two


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--interactions", type=int, default=10_000_000, help="(default: %(default)s)"
    )
    parser.add_argument("--users", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--items", type=int, default=100_000, help="(default: %(default)s)")
    parser.add_argument(
        "--shards", type=int, default=16, help="files of each part (default: %(default)s)"
    )
    parser.add_argument(
        "--dim", type=int, default=32, help="length of the embeddings (default: %(default)s)"
    )
    parser.add_argument(
        "--optimizer", default="lazy-adam", help="adam or lazy-adam (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of TensorFlow (default: %(default)s)"
    )
    parser.add_argument(
        "--folder", type=pathlib.Path, help="for the shards, kept (default: a temporary one)"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        kind, _, option = arguments.work.partition(":")
        print(
            json.dumps(
                {"write": _write, "sample": _sample, "train": _train}[kind](arguments, option)
            )
        )
        return
    results = {
        **{
            name: getattr(arguments, name)
            for name in ("interactions", "users", "items", "shards", "dim", "optimizer")
        },
        "threads": arguments.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary) / "clicks"
        jobs = [
            "sample:uniform",
            "sample:unobserved",
            "sample:popularity",
            "sample:memory",
            "train",
        ]
        for job in [*([] if folder.exists() else ["write"]), *jobs]:
            options = ["--folder", str(folder), "--work", job]
            command = [sys.executable, "-m", "benchmarks.streaming", *sys.argv[1:], *options]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            results[job] = json.loads(done.stdout.splitlines()[-1])
            print(job, json.dumps(results[job]), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def _write(arguments, _):
    """Draws the log in memory and writes it."""
    import numpy as np

    from deca_tf.data import Interactions, LeakReport, Split, write_shards

    rng = np.random.default_rng(0)
    activity = rng.lognormal(0.0, 1.0, arguments.users)
    popularity = (rng.permutation(arguments.items) + 10.0) ** -0.8
    by_user, by_item = (np.cumsum(weight) / weight.sum() for weight in (activity, popularity))
    keys = np.zeros(0, np.int64)
    while len(keys) < arguments.interactions:
        size = int(1.1 * (arguments.interactions - len(keys))) + 1000
        users, items = (np.searchsorted(ends[:-1], rng.random(size)) for ends in (by_user, by_item))
        keys = np.sort(np.append(keys, users * arguments.items + items))
        keys = keys[np.append(True, keys[1:] != keys[:-1])]
    keys = rng.permutation(keys)[: arguments.interactions]
    users, items = (ids.astype(np.int32) for ids in np.divmod(keys, arguments.items))
    raw = [np.arange(size).astype(str) for size in (arguments.users, arguments.items)]
    rows = Interactions(users, items, *raw)
    three_rows = np.flatnonzero(rows.user_activity() >= 3)[:HELD_OUT_USERS]
    _, last = np.unique(users[::-1], return_index=True)  # a row of each user
    active = np.unique(users)
    test = len(users) - 1 - last[np.isin(active, three_rows)]
    rest = np.setdiff1d(np.arange(len(users)), test)
    _, first = np.unique(users[rest], return_index=True)
    validation = rest[first[np.isin(np.unique(users[rest]), three_rows)]]
    train = np.setdiff1d(rest, validation)
    parts = (rows.take(part) for part in (train, validation, test))
    split = Split(*parts, protocol="clean", name="clicks", leaks=LeakReport())
    began = time.perf_counter()
    write_shards(split, arguments.folder, num_shards=arguments.shards)
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in (arguments.folder / "Split-train").iterdir())
    return {
        "seconds": seconds,
        "rows_per_second": len(train) / seconds,
        "train_bytes": size,
        "peak_bytes": _peak(),
    }


def _sample(arguments, negatives):
    """An epoch of batches, of a kind of negatives.

    'memory' are uniform ones, from interactions in memory.
    """
    _start_tensorflow(arguments)
    from deca_tf.data import load_split, streamed_batches, training_batches

    before, began = _peak(), time.perf_counter()
    split = load_split("shards", folder=arguments.folder, stream=negatives != "memory")
    opening = time.perf_counter() - began
    if negatives == "memory":
        batches = training_batches(split.train, batch_size=BATCH, updates_per_step=2)
    else:
        batches = streamed_batches(
            split.train, batch_size=BATCH, updates_per_step=2, negatives=negatives
        )
    began, count, first = time.perf_counter(), 0, None
    for _, label in batches:
        count += label.shape[0] * label.shape[1]
        first = first or time.perf_counter() - began
    seconds = time.perf_counter() - began
    return {
        "opening_seconds": opening,
        "first_batch_seconds": first,
        "seconds": seconds,
        "examples": count,
        "examples_per_second": count / seconds,
        "bytes_before": before,
        "peak_bytes": _peak(),
    }


def _train(arguments, _):
    """One epoch, and evaluation.

    No file is written: Keras gathers all weights and slots in memory for that.
    """
    _start_tensorflow(arguments)
    from deca_tf.config import resolve
    from deca_tf.evaluation import evaluate
    from deca_tf.runs.data import read_split
    from deca_tf.runs.train import train

    before = _peak()
    overrides = {
        "data": {"dataset": "shards", "options": {"folder": str(arguments.folder), "stream": True}},
        "backbone": {"name": "mf", "embedding_dim": arguments.dim},
        "denoiser": {"name": "deca"},
        "training": {"epochs": 1, "optimizer": arguments.optimizer, "keep": "last"},
    }
    config = resolve(None, overrides)
    split = read_split(config)
    opened = _peak()
    model, _, notes = train(config, split, show_progress=False)
    trained = _peak()
    evaluation = evaluate(model, split)
    return {
        **notes["train"],
        "recall@20": evaluation.metrics["recall@20"],
        "weights_and_slots_bytes": 12
        * 4
        * (arguments.users + arguments.items)
        * arguments.dim,  # of f, g, h and h'
        "bytes_before": before,
        "peak_bytes_opened": opened,
        "peak_bytes_trained": trained,
        "peak_bytes": _peak(),
    }


def _start_tensorflow(arguments):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    tf.constant(0)
    import deca_tf.runs.run  # noqa: F401  # so that its imports do not count as the data's memory


def _peak():
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
