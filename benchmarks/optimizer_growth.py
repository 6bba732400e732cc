"""Does a training step take longer with more users or items?

DeCA with GMF and three MF networks, under one optimizer.

    python -m benchmarks.optimizer_growth --users 10000 1157633 --optimizer lazy-adam --out FILE
    python -m benchmarks.optimizer_growth --users 10000 --items 1000 1000000 --out FILE
    python -m benchmarks.optimizer_growth --draw benchmarks/growth.png --out FILE [FILE ...]

An update is one phase's, on 2,048 positives, each with a negative for the same user, as
`training_batches` has them. Users and items are drawn uniformly, the least favourable case: hardly
a row is in the cache. Every size has a process of its own, since TensorFlow never gives memory
back; they take turns at being timed. Printed are medians and the lowest tenth of the turns; memory
is the growth of the process's peak, from before the model to after its training, over the bytes of
weights and slots.
"""

import argparse
import itertools
import json
import math
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
UPDATES = 64  # of a turn
POSITIVES = 2048


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--users", type=int, nargs="+", default=[10_000, 1_157_633], help="(default: %(default)s)"
    )
    parser.add_argument(
        "--items",
        type=int,
        nargs="+",
        default=[9560],
        help="each with all users (default: %(default)s)",
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
        "--turns", type=int, default=9, help="timed turns of each (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=pathlib.Path, nargs="+", help="JSON file to write, or files to draw"
    )
    parser.add_argument(
        "--draw", type=pathlib.Path, help="measure nothing: a picture of what is in --out"
    )
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.draw:
        _draw([json.loads(path.read_text()) for path in arguments.out], arguments.draw)
        return
    if arguments.worker:
        _work(arguments, *arguments.worker)
        return
    workers = {}
    for size in itertools.product(arguments.users, arguments.items):
        command = [
            sys.executable,
            "-m",
            "benchmarks.optimizer_growth",
            *sys.argv[1:],
            "--worker",
            *map(str, size),
        ]
        workers[size] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        _answer(workers[size])  # has trained its first turn
    times = {size: [] for size in workers}
    for _ in range(arguments.turns):
        for size, worker in workers.items():
            times[size].append(_ask(worker, "turn"))
    results = {
        "dim": arguments.dim,
        "optimizer": arguments.optimizer,
        "threads": arguments.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "sizes": [],
    }
    for size, worker in workers.items():
        found = {
            **dict(zip(("users", "items"), size, strict=True)),
            "ms_per_update": statistics.median(times[size]),
            "ms_per_update_low": sorted(times[size])[len(times[size]) // 10],
            **_ask(worker, "memory"),
            # What the end of an epoch takes, once it has been compiled.
            "catch_up_seconds": [_ask(worker, "catch up") for _ in range(2)][-1],
        }
        results["sizes"].append(found)
        worker.stdin.close()
        worker.wait()
        print(json.dumps(found))
    if arguments.out:
        arguments.out[0].write_text(json.dumps(results, indent=2) + "\n")


def _draw(results, path):
    """Time and memory by users and by items."""
    import matplotlib.pyplot as plt

    everything = [size for result in results for size in result["sizes"]]
    figure, panes = plt.subplots(2, 2, figsize=(9, 5), sharey="row", constrained_layout=True)
    for column, (grows, other) in enumerate((("users", "items"), ("items", "users"))):
        fixed = statistics.mode(size[other] for size in everything)
        time, memory = panes[:, column]
        for number, result in enumerate(results, 1):
            of_run = sorted(
                (s for s in result["sizes"] if s[other] == fixed), key=lambda size: size[grows]
            )
            if len(of_run) > 1:
                x = [size[grows] for size in of_run]
                time.plot(
                    x, [size["ms_per_update"] for size in of_run], "o-", label=f"run {number}"
                )
                memory.plot(x, [size["peak_bytes"] / 1e9 for size in of_run], "o-")
                memory.plot(x, [size["bytes"] / 1e9 for size in of_run], "k:")
        time.set(xscale="log", title=f"{fixed:,} {other}")
        time.legend()
        memory.set(xscale="log", yscale="log", xlabel=grows)
    panes[0, 0].set_ylim(0, 1.1 * max(size["ms_per_update"] for size in everything))
    panes[0, 0].set_ylabel("ms per update")
    panes[1, 0].set_ylabel("GB; dotted: weights and slots")
    figure.savefig(path, dpi=120)


def _ask(worker, question):
    worker.stdin.write(question + "\n")
    worker.stdin.flush()
    return _answer(worker)


def _answer(worker):
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(
            f"A worker must answer. Received: nothing, exit code {worker.wait()}; see its message "
            "above."
        )
    return json.loads(line)


def _work(arguments, users, items):
    """Answers questions, one a line."""
    import numpy as np
    import tensorflow as tf

    from deca_tf.backbones import GMF, MF
    from deca_tf.denoisers.deca import DeCA
    from deca_tf.optimizers import OPTIMIZERS
    from deca_tf.training.deca_model import DeCAModel

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    rng = np.random.default_rng(0)
    shape = (UPDATES // 2, 2 * POSITIVES, 2)  # a step makes two updates, of DP and of DN
    inputs = {
        "user_id": rng.integers(0, users, (*shape[:2], 1), dtype=np.int32),
        "item_id": rng.integers(0, items, shape, dtype=np.int32),
    }
    label = np.broadcast_to(np.float32([1, 0]), shape)
    batches = tf.data.Dataset.from_tensor_slices((inputs, label)).repeat()
    options = tf.data.Options()
    options.autotune.enabled = False
    batches = iter(batches.with_options(options))
    before = _peak()
    target, *networks = (
        cls(users, items, embedding_dim=arguments.dim, seed=seed)
        for seed, cls in enumerate([GMF, MF, MF, MF])
    )
    model = DeCAModel(target, DeCA(*networks), l2=0.01)
    optimizer = OPTIMIZERS.build(arguments.optimizer, learning_rate=1e-3)
    model.compile(optimizer, jit_compile=True, steps_per_execution=UPDATES // 2)
    model.make_train_function()
    model.train_function(batches)
    print(json.dumps("ready"), flush=True)
    for question in sys.stdin:
        began = time.perf_counter()
        if question.strip() == "turn":
            model.train_function(batches)
            answer = (time.perf_counter() - began) / UPDATES * 1e3
        elif question.strip() == "memory":
            variables = [
                v for o in (model.optimizer, *model.phase_optimizers.values()) for v in o.variables
            ]
            needed = sum(
                tf.as_dtype(v.dtype).size * math.prod(v.shape) for v in (*model.weights, *variables)
            )
            answer = {
                "bytes": needed,
                "peak_bytes": _peak() - before,
                "memory_ratio": (_peak() - before) / needed,
            }
        elif arguments.optimizer == "adam":
            answer = None
        else:
            for each in (model.optimizer, *model.phase_optimizers.values()):
                each.catch_up()
            answer = time.perf_counter() - began
        print(json.dumps(answer), flush=True)


def _peak():
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
