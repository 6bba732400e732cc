"""How long does a training step take? Ours, beside a plain Keras GMF as its users write it, in turn in one run.

    python -m benchmarks.train_step --dataset ml-100k --data-dir DIR --threads 1

A step is an update on 2,048 positives and 2,048 negatives. Each contender trains a few epochs to warm up (tracing and
compiling), then takes turns with the others; medians over the turns are printed and written as JSON.
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k", help="a data set of deca_tf (default: %(default)s)")
    parser.add_argument("--data-dir", help="folder of the public data sets")
    parser.add_argument("--backbone", default="gmf", help="the target (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of TensorFlow (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=7, help="timed epochs of each contender (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    split = _split(arguments.dataset, arguments.data_dir)
    contenders = {
        **{f"deca_tf {name}": _ours(split, arguments.backbone, name) for name in ("none", "linear", "deca")},
        "plain Keras GMF": _plain_keras(split),
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


def _split(dataset, data_dir):
    from deca_tf.config import resolve
    from deca_tf.experiment import read_split

    return read_split(resolve(overrides={"data": {"dataset": dataset, **({"data_dir": data_dir} if data_dir else {})}}))


def _ours(split, backbone, denoiser):
    """A function that trains one epoch and returns the number of updates."""
    from deca_tf.config import resolve
    from deca_tf.data import training_batches
    from deca_tf.experiment import build_model

    config = resolve(
        overrides={
            "data": {"dataset": split.name},
            "backbone": {"name": backbone},
            "denoiser": {"name": denoiser},
            "training": {"steps_per_execution": 64},
        }
    )
    model = build_model(config, split)
    batches = training_batches(split.train, batch_size=2048 * len(model.denoiser.phases))

    def run_epoch():
        before = int(model.optimizer.iterations)
        model.fit(batches, epochs=1, shuffle=False, verbose=0)
        return int(model.optimizer.iterations) - before

    return run_epoch


def _plain_keras(split, dim=32, batch_size=4096):
    """GMF on NumPy arrays with fresh negatives, which are not timed: the usual tutorial, at its fastest."""
    import keras
    import numpy as np

    user, item = keras.Input((), dtype="int32"), keras.Input((), dtype="int32")
    vectors = keras.layers.multiply(
        [keras.layers.Embedding(split.num_users, dim)(user), keras.layers.Embedding(split.num_items, dim)(item)]
    )
    model = keras.Model([user, item], keras.layers.Dense(1)(vectors))
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    negatives = rng.integers(0, split.num_items, len(split.train), dtype=np.int32)
    users = np.tile(split.train.user_id, 2)
    items = np.concatenate([split.train.item_id, negatives])
    labels = np.repeat([1.0, 0.0], len(split.train)).astype(np.float32)

    def run_epoch():
        model.fit([users, items], labels, batch_size=batch_size, epochs=1, verbose=0)
        return -(-len(users) // batch_size)

    return run_epoch


if __name__ == "__main__":
    main()
