"""How fast is a full ranking evaluated? Users a second, beside the bare matrix product.

    python -m benchmarks.evaluation --users 100000 --items 100000 --threads 1 --out FILE
    python -m benchmarks.evaluation --dataset modcloth --data-dir DIR --backbones mf neumf cdae

Users with a history are ranked by the model, over all items, what was seen left out (protocol
`clean`); the others, who get the most popular items, are not counted. The models are untrained,
which changes nothing but their scores. Without --dataset there is a made-up log: 20 pairs for each
user, one of them in the test. For models whose score is a dot product the bare product of the same
vectors, 256 users at once, by NumPy, takes turns with them.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", help="a data set of deca_tf; otherwise a made-up log")
    parser.add_argument("--data-dir", help="folder of the public data sets")
    parser.add_argument(
        "--users", type=int, default=100_000, help="of the made-up log (default: %(default)s)"
    )
    parser.add_argument(
        "--items", type=int, default=100_000, help="of the made-up log (default: %(default)s)"
    )
    parser.add_argument(
        "--backbones", nargs="+", default=["mf"], help="models to evaluate (default: mf)"
    )
    parser.add_argument(
        "--dim", type=int, default=32, help="length of the embeddings (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of all (default: %(default)s)"
    )
    parser.add_argument(
        "--turns", type=int, default=3, help="timed turns of each (default: %(default)s)"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    from deca_tf.backbones import BACKBONES
    from deca_tf.evaluation import Evaluator

    split = _split(arguments)
    before = _peak()
    evaluator = Evaluator(split, ks=(20,))
    users = evaluator.users[evaluator.is_warm]
    results = {
        "dataset": split.name,
        "users": len(users),
        "items": split.num_items,
        "dim": arguments.dim,
        "threads": arguments.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "models": {},
    }
    for name in arguments.backbones:
        model = BACKBONES.build(
            name, num_users=split.num_users, num_items=split.num_items, embedding_dim=arguments.dim
        )
        model.adapt(split.train)
        contenders = {"seconds": lambda model=model: evaluator(model)}
        if model.is_factorized:
            contenders["product_seconds"] = _products(model, users, arguments.threads)
        times = {contender: [] for contender in contenders}
        for turn in range(arguments.turns + 1):
            for contender, run in contenders.items():
                began = time.perf_counter()
                run()
                if turn:  # the first one compiles
                    times[contender].append(time.perf_counter() - began)
        found = {contender: statistics.median(values) for contender, values in times.items()}
        found["users_per_second"] = len(users) / found["seconds"]
        share = found["product_seconds"] / found["seconds"] if model.is_factorized else None
        found["share_of_product_rate"] = share
        found["peak_bytes"] = _peak() - before
        results["models"][name] = found
        beside = "" if share is None else f"{share:.0%} of the bare product's rate, "
        print(
            f"{split.name} {name:10} {found['users_per_second']:10,.0f} users/s, {beside}"
            f"peak {found['peak_bytes'] / 1e6:,.0f} MB above the data",
            flush=True,
        )
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def _split(arguments):
    if arguments.dataset:
        from benchmarks.contenders import read

        return read(arguments.dataset, arguments.data_dir, "clean")
    import numpy as np

    from deca_tf.data import Interactions, Split, schema

    rng = np.random.default_rng(0)
    raw = [np.arange(size) for size in (arguments.users, arguments.items)]
    # Some items are taken far more often than others, as everywhere.
    items = (rng.random((arguments.users, 20)) ** 3 * arguments.items).astype(np.int64)
    pairs = rng.permutation(
        np.unique(np.arange(arguments.users)[:, None] * arguments.items + items)
    )
    users, items = (part.astype(np.int32) for part in np.divmod(pairs, arguments.items))
    latest = np.unique(users[::-1], return_index=True)[1]  # one pair of each user
    is_test, is_validation = np.zeros((2, len(users)), bool)
    is_test[len(users) - 1 - latest] = True
    is_validation[: len(users) // 50] = True
    parts = [
        Interactions(users[chosen], items[chosen], *raw)
        for chosen in (~is_test & ~is_validation, is_validation & ~is_test, is_test)
    ]
    return Split(*parts, protocol=schema.CLEAN, name="made-up")


def _products(model, users, threads):
    """The bare product of all vectors, tile by tile, every thread on tiles of its own."""
    import concurrent.futures

    import numpy as np
    import threadpoolctl

    table = np.asarray(model.candidate_embedding(np.arange(model.num_items))).T.copy()
    queries = np.asarray(model.query_embedding(users.astype(np.int32)))
    tile = min(256, len(queries))

    def multiply(first):
        scores = np.empty((tile, model.num_items), np.float32)
        for start in range(first * tile, len(queries) - tile + 1, threads * tile):
            np.matmul(queries[start : start + tile], table, out=scores)

    def run():
        with (
            threadpoolctl.threadpool_limits(1, "blas"),
            concurrent.futures.ThreadPoolExecutor(threads) as pool,
        ):
            list(pool.map(multiply, range(threads)))

    return run


def _peak():
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
