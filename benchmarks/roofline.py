"""How far is an update from what the machine allows?

Bytes and operations that it cannot do without, at measured rates.

    python -m benchmarks.roofline --dataset modcloth --data-dir DIR --measured gmf=5.9 neumf=22.5

Rates, one thread: a copy of an array far larger than the caches, and a product of two matrices.
Bytes: `adam` reads and writes weights and both moments of every table, `lazy-adam` of the batch's
rows (2,048 users, 4,096 items), of the three networks that learn in an update. Operations: matrix
products, forwards and twice that backwards; element-wise work is not counted, nor are gradients,
whose tables would fit into a cache if they were fused away. What is printed is the larger of the
two times, and a measured time's multiple of it.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from deca_tf.backbones.backbone import CELLS_PER_PAIR, LEAST_PAIRS

POSITIVES, PAIRS = 2048, 4096
DIM, PROPAGATED_DIM, LAYERS = 32, 64, 3
NETWORKS = 3  # f, g and one noise model


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dataset", default="modcloth", help="a data set of deca_tf (default: %(default)s)"
    )
    parser.add_argument("--data-dir", help="folder of the public data sets")
    parser.add_argument(
        "--measured", nargs="*", default=[], help="ms per update by backbone: gmf=5.9"
    )
    arguments = parser.parse_args()
    from benchmarks.contenders import read

    train = read(arguments.dataset, arguments.data_dir).train
    measured = {name: float(ms) for name, ms in (item.split("=") for item in arguments.measured)}
    copied, multiplied = rates()
    print(f"{copied / 1e9:.1f} GB/s copied, {multiplied / 1e9:.0f} GFLOP/s multiplied")
    print(
        f"{'':10} {'optimizer':10} {'MB':>7} {'MFLOP':>7} {'limit, ms':>9} {'measured / limit':>17}"
    )
    for backbone in ("gmf", "neumf", "lightgcn", "cdae"):
        operations = operations_of(backbone, train)
        for optimizer in ("adam", "lazy-adam") if backbone in ("gmf", "neumf") else ("adam",):
            moved = bytes_of(backbone, train, optimizer)
            limit = max(moved / copied, operations / multiplied) * 1e3
            multiple = f"{measured[backbone] / limit:17.1f}" if backbone in measured else ""
            print(
                f"{backbone:10} {optimizer:10} {moved / 1e6:7.1f} {operations / 1e6:7.0f} "
                f"{limit:9.2f} {multiple}"
            )


def rates():
    """Bytes read and written a second, and floating-point operations a second."""
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    source = np.ones(2**26, np.float32)
    target = np.empty_like(source)
    left = tf.random.normal((2048, 1024))
    right = tf.random.normal((1024, 1024))
    return (
        2 * source.nbytes / _best(lambda: np.copyto(target, source)),
        2 * 2048 * 1024 * 1024 / _best(lambda: tf.matmul(left, right).numpy()),
    )


def _best(function, times=9):
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def bytes_of(backbone, train, optimizer):
    """Of weights, m and v, each read and written."""
    users, items = train.num_users, train.num_items
    if optimizer == "lazy-adam":
        users, items = min(users, POSITIVES), min(items, PAIRS)
    side = DIM * 4  # of NeuMF's perceptron
    target = {
        "gmf": (users + items) * DIM,
        "neumf": (users + items) * (DIM + side)
        + 2 * side * side
        + side * side // 2
        + side * side // 8,
        "lightgcn": (users + items) * PROPAGATED_DIM,
        "cdae": (users + 2 * items) * DIM,
    }[backbone]
    others = (NETWORKS - 1) * (users + items) * (PROPAGATED_DIM if backbone == "lightgcn" else DIM)
    return 6 * 4 * (target + others)


def operations_of(backbone, train):
    """Operations of the matrix products: two for each cell, three products for each forward one."""
    users, items = train.num_users, train.num_items
    side = DIM * 4
    if backbone == "neumf":  # the first layer's halves once for each user, and for each item
        first = (min(users, POSITIVES) + min(items, PAIRS)) * side * side
        return 3 * 2 * (first + PAIRS * (side * side // 2 + side * side // 8))
    if backbone == "lightgcn":  # sums over neighbours, both sides in each layer
        return 3 * 2 * 2 * LAYERS * len(train) * PROPAGATED_DIM
    if (
        backbone == "cdae"
    ):  # batches of whole users; where they ask for most cells, all are worked out
        pairs = round(2 * len(train) * min(1, POSITIVES / users))
        is_dense = pairs >= LEAST_PAIRS and users * items <= CELLS_PER_PAIR * pairs
        return 3 * 2 * NETWORKS * (users * items if is_dense else pairs) * DIM
    return 3 * 2 * NETWORKS * PAIRS * DIM


if __name__ == "__main__":
    main()
