"""How long does a training step take?

Ours, beside a plain Keras GMF as its users write it, in turn in one run.

    python -m benchmarks.train_step --dataset ml-100k --data-dir DIR --threads 1

A step is an update on 2,048 positives and 2,048 negatives. Each contender trains to warm up
(tracing and compiling), then takes turns with the others; medians over the turns are printed and
written as JSON.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dataset", default="ml-100k", help="a data set of deca_tf (default: %(default)s)"
    )
    parser.add_argument("--data-dir", help="folder of the public data sets")
    parser.add_argument("--backbone", default="gmf", help="the target (default: %(default)s)")
    parser.add_argument(
        "--denoisers",
        nargs="+",
        default=["none", "deca-limit", "deca"],
        help="of the target (default: %(default)s)",
    )
    parser.add_argument(
        "--optimizers",
        nargs="+",
        default=["adam"],
        help="with each of these (default: %(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of TensorFlow (default: %(default)s)"
    )
    parser.add_argument(
        "--turns",
        type=int,
        default=7,
        help="timed trainings of each contender, some epochs each (default: %(default)s)",
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    from benchmarks.contenders import ours, plain_keras, read

    split = read(arguments.dataset, arguments.data_dir)
    contenders = {
        **{
            f"deca_tf {denoiser} {optimizer}": ours(split, arguments.backbone, denoiser, optimizer)[
                1
            ]
            for denoiser in arguments.denoisers
            for optimizer in arguments.optimizers
        },
        "plain Keras GMF": plain_keras(split)[1],
    }
    for run_epoch in contenders.values():
        run_epoch()
        run_epoch()
    times = {name: [] for name in contenders}
    for _ in range(arguments.turns):
        for name, run_epoch in contenders.items():
            began = time.perf_counter()
            updates = run_epoch()
            times[name].append((time.perf_counter() - began) / updates * 1e3)
    results = {
        "dataset": arguments.dataset,
        "backbone": arguments.backbone,
        "threads": arguments.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "tensorflow": tf.__version__,
        "ms_per_step": {name: statistics.median(values) for name, values in times.items()},
        "spread": {name: [min(values), max(values)] for name, values in times.items()},
    }
    for name, milliseconds in results["ms_per_step"].items():
        low, high = results["spread"][name]
        print(f"{name:20} {milliseconds:8.2f} ms/step   ({low:.2f} to {high:.2f})")
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
