"""What does a softmax over the catalogue cost?

    python -m benchmarks.softmax --threads 1 --out FILE

An update is on 2,048 clicks, by MF with cosines under XLA. Two questions, each answered in turns of
one run, in milliseconds of processor time:

- Over the whole catalogue, how far is an update from the three matrix products that it cannot do
  without: the scores, and the gradients of both sides?
- Over a shared pool, does an update under `lazy-adam` take longer where there are more items?
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CLICKS, UPDATES = 2048, 16  # of an update; of a turn


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument(
        "--whole",
        type=int,
        nargs="*",
        default=[1_611, 10_000],
        help="catalogues taken whole (default: %(default)s)",
    )
    parser.add_argument(
        "--pooled",
        type=int,
        nargs="*",
        default=[10_000, 1_000_000],
        help="catalogues of which a pool is drawn (default: %(default)s)",
    )
    parser.add_argument(
        "--pool", type=int, default=4096, help="items of a pool (default: %(default)s)"
    )
    parser.add_argument(
        "--dim", type=int, default=64, help="length of the embeddings (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of TensorFlow (default: %(default)s)"
    )
    parser.add_argument("--turns", type=int, default=9, help="of each (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    contenders = {}
    for items in arguments.whole:
        contenders[f"whole {items}"] = training(arguments, items, "adam", items)
        contenders[f"products {items}"] = products(arguments.dim, items)
    for items in arguments.pooled:
        contenders[f"pool of {items}"] = training(arguments, items, "lazy-adam", arguments.pool)
    for turn in contenders.values():
        turn()
    times = {name: [] for name in contenders}
    for _ in range(arguments.turns):
        for name, turn in contenders.items():
            began = time.process_time()
            turn()
            times[name].append((time.process_time() - began) / UPDATES * 1e3)
    found = {name: statistics.median(values) for name, values in times.items()}
    results = {
        **{name: getattr(arguments, name) for name in ("users", "dim", "pool", "threads")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "tensorflow": tf.__version__,
        "ms_per_update": found,
        "times_the_products": {
            str(items): found[f"whole {items}"] / found[f"products {items}"]
            for items in arguments.whole
        },
    }
    for name, milliseconds in found.items():
        print(f"{name:20} {milliseconds:8.2f} ms   ({min(times[name]):.2f} at least)")
    for items, ratio in results["times_the_products"].items():
        print(f"whole {items}: {ratio:.2f} times its products")
    if len(arguments.pooled) > 1:
        ends = [found[f"pool of {items}"] for items in arguments.pooled]
        print(f"pool: {ends[-1] / ends[0]:.2f} times as long with {arguments.pooled[-1]} items")
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def training(arguments, items, optimizer, pool):
    """A function that makes `UPDATES` updates."""
    import numpy as np
    import tensorflow as tf

    from deca_tf.backbones import MF
    from deca_tf.denoisers import Softmax
    from deca_tf.optimizers import OPTIMIZERS
    from deca_tf.training.deca_model import DeCAModel

    rng = np.random.default_rng(0)
    inputs = {
        name: rng.integers(0, size, (UPDATES, CLICKS, 1), dtype=np.int32)
        for name, size in (("user_id", arguments.users), ("item_id", items))
    }
    label = np.ones((UPDATES, CLICKS, 1), np.float32)
    batches = tf.data.Dataset.from_tensor_slices((inputs, label)).repeat()
    options = tf.data.Options()
    options.autotune.enabled = False
    batches = iter(batches.with_options(options))
    target = MF(arguments.users, items, embedding_dim=arguments.dim, cosine=True)
    model = DeCAModel(target, Softmax(pool_size=pool))
    model.compile(
        OPTIMIZERS.build(optimizer, learning_rate=1e-2),
        jit_compile=True,
        steps_per_execution=UPDATES,
    )
    model.make_train_function()
    return lambda: model.train_function(batches)["loss"].numpy()


def products(dim, items):
    """A function that makes `UPDATES` times the three products, of matrices that are there."""
    import tensorflow as tf

    queries, candidates = tf.random.normal((CLICKS, dim)), tf.random.normal((items, dim))
    scores = tf.random.normal((CLICKS, items))

    @tf.function(jit_compile=True, autograph=False)
    def multiply(queries, candidates, scores):
        return (
            tf.matmul(queries, candidates, transpose_b=True),
            tf.matmul(scores, candidates),
            tf.matmul(scores, queries, transpose_a=True),
        )

    def turn():
        for _ in range(UPDATES):
            last = multiply(queries, candidates, scores)
        last[1].numpy()

    return turn


if __name__ == "__main__":
    main()
