"""How do time and memory of training grow with the tables?

The measured side of docs/distribution.md.

    python -m benchmarks.scaling --users 10000 100000 1000000 --denoiser deca --out FILE

For each number of users, with a tenth as many items and so many pairs per user, a process of its
own trains some updates of 2,048 positives and as many negatives. Beside the medians stand the bytes
that the sizing page counts.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--users",
        type=int,
        nargs="+",
        default=[10_000, 100_000, 1_000_000],
        help="sizes to measure",
    )
    parser.add_argument("--pairs-per-user", type=int, default=10, help="(default: %(default)s)")
    parser.add_argument(
        "--dim", type=int, default=32, help="of every embedding (default: %(default)s)"
    )
    parser.add_argument("--backbone", default="mf", help="the target (default: %(default)s)")
    parser.add_argument("--denoiser", default="deca", help="(default: %(default)s)")
    parser.add_argument(
        "--updates", type=int, default=40, help="timed, of each size (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of TensorFlow (default: %(default)s)"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # this size, in this process
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(_measure(arguments.one, arguments)))
        return
    rows = []
    for users in arguments.users:
        command = [sys.executable, "-m", "benchmarks.scaling", *sys.argv[1:], "--one", str(users)]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(json.loads(printed.splitlines()[-1]))
        print(
            "{users:>12,} users  {items:>9,} items  {pairs:>12,} pairs  {ms_per_update:8.2f} "
            "ms/update  "
            "tables {counted_table_bytes:>14,} B  peak {peak_bytes:>14,} B".format(**rows[-1]),
            flush=True,
        )
    if arguments.out:
        machine = f"{platform.machine()}, {os.cpu_count()} cores"
        settings = {
            name: getattr(arguments, name) for name in ("dim", "backbone", "denoiser", "threads")
        }
        arguments.out.write_text(
            json.dumps({**settings, "machine": machine, "sizes": rows}, indent=2) + "\n"
        )


def _measure(users, arguments):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    import numpy as np

    from deca_tf.config import resolve
    from deca_tf.data import Interactions, training_batches
    from deca_tf.runs.building import build_model

    before = _peak_bytes()
    items, pairs = max(1000, users // 10), users * arguments.pairs_per_user
    rng = np.random.default_rng(0)
    interactions = Interactions(
        rng.integers(0, users, pairs, dtype=np.int32),
        rng.integers(0, items, pairs, dtype=np.int32),
        np.arange(users, dtype=np.int32),
        np.arange(items, dtype=np.int32),
    )
    after_pairs = _peak_bytes()
    config = resolve(
        overrides={
            "backbone": {"name": arguments.backbone, "embedding_dim": arguments.dim},
            "denoiser": {"name": arguments.denoiser},
            "training": {"steps_per_execution": 1},
        }
    )
    model = build_model(config, interactions)
    phases = len(model.denoiser.phases)
    batches = training_batches(interactions, updates_per_step=phases).repeat()
    model.fit(batches, steps_per_epoch=2, epochs=1, shuffle=False, verbose=0)
    times = []
    for _ in range(5):
        steps = max(1, arguments.updates // phases // 5)
        began = time.perf_counter()
        model.fit(batches, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)
        times.append((time.perf_counter() - began) / (steps * phases) * 1e3)
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    return {
        "users": users,
        "items": items,
        "pairs": pairs,
        "parameters": weights,
        "counted_table_bytes": weights * 12,  # float32: the weight and Adam's two moments
        "counted_pair_bytes": pairs * 8,
        "pairs_peak_bytes": after_pairs - before,
        "peak_bytes": _peak_bytes() - before,
        "ms_per_update": statistics.median(times),
        "spread": [min(times), max(times)],
    }


def _peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB


if __name__ == "__main__":
    main()
