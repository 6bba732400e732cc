"""How long do models in closed form take, beside what they cannot do without?

    python -m benchmarks.closed_form --datasets ml-100k modcloth adressa --data-dir DIR --out FILE
    python -m benchmarks.closed_form --items 10000 --users 200000 --pairs 5000000 --models ease

`ease` takes turns with LAPACK's bare inverse, potrf and potri in place, of the same matrix; `als`
with the package implicit, if it is installed, which solves by three steps of conjugate gradients
(its default) or by Cholesky's method as ours does. `item-knn` has no such peer here.

Seconds are the process's own processor time on one thread, so that other work on the machine says
little; medians of the turns. Memory is the peak of a process that reads and learns, above the peak
that it had before it learned; nothing where learning takes less than reading. Without --datasets
there is a made-up log: popularity falls as rank^-.8, and
users' activity is log-normal.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import platform
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

L2 = 500.0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datasets", nargs="+", default=[], help="data sets of deca_tf")
    parser.add_argument("--data-dir", help="folder of the public data sets")
    for name, default in (("users", 200_000), ("items", 10_000), ("pairs", 5_000_000)):
        parser.add_argument(
            f"--{name}", type=int, default=default, help="of the made-up log (default: %(default)s)"
        )
    parser.add_argument(
        "--models", nargs="+", default=["ease", "item-knn", "als"], help="(default: all three)"
    )
    parser.add_argument(
        "--factors", nargs="+", type=int, default=[64, 128], help="of ALS (default: 64 128)"
    )
    parser.add_argument(
        "--turns", type=int, default=3, help="timed turns of each (default: %(default)s)"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread",
        "logs": {name: measured(arguments, name) for name in arguments.datasets or [None]},
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def measured(arguments, dataset):
    """What is printed of one log, `{contender: {"seconds", "peak_bytes"}}`."""
    import threadpoolctl

    train = read(arguments, dataset)
    print(f"{dataset or 'made-up'}: {train!r}")
    seconds = {}
    with threadpoolctl.threadpool_limits(1):
        for model in arguments.models:
            makers = CONTENDERS[model](train, arguments)
            for _ in range(arguments.turns):
                for name, make in makers.items():
                    run = make()
                    began = time.process_time()
                    run()
                    seconds.setdefault(name, []).append(time.process_time() - began)
    found = {name: {"seconds": statistics.median(each)} for name, each in seconds.items()}
    for model in arguments.models:
        for name in [name for name in found if name.startswith(model)]:
            found[name]["peak_bytes"] = peak(arguments, dataset, name)
    for name, each in found.items():
        memory = f"{each['peak_bytes'] / 1e9:8.2f} GB" if each.get("peak_bytes") else ""
        print(f"  {name:28} {each['seconds']:9.3f} s {memory}")
    return found


def read(arguments, dataset):
    """The `Interactions` of one log."""
    if dataset:
        from benchmarks.contenders import read as read_split

        return read_split(dataset, arguments.data_dir, "clean").train
    import numpy as np

    from deca_tf.data import Interactions

    rng = np.random.default_rng(0)
    share = np.arange(1, arguments.items + 1) ** -0.8
    active = rng.lognormal(size=arguments.users)
    users, items = (
        np.searchsorted(np.cumsum(each), rng.random(arguments.pairs) * each.sum())
        for each in (active, share)
    )
    items = rng.permutation(arguments.items)[items]
    keys = rng.permutation(np.unique(users * arguments.items + items))
    return Interactions(
        *np.divmod(keys, arguments.items), np.arange(arguments.users), np.arange(arguments.items)
    )


def of_ease(train, arguments):
    """Functions that make what is timed."""
    from deca_tf.baselines import EASE

    return {
        "ease": lambda: lambda: EASE(train, l2=L2),
        "bare potrf, potri": lambda: inverse_of(gramian_of(train)),
        "ease, soft labels": lambda: lambda: EASE(with_labels(train), l2=L2),
    }


def gramian_of(train):
    """X'X + l2, by SciPy."""
    import numpy as np

    clicks = train.to_csr()
    matrix = (clicks.T @ clicks).toarray()
    matrix[np.diag_indices(len(matrix))] += np.float32(L2)
    return matrix


def inverse_of(matrix):
    """A function that inverts a matrix in place, one triangle."""
    import scipy.linalg

    factorize, invert = scipy.linalg.get_lapack_funcs(("potrf", "potri"), (matrix.T,))

    def run():
        factor, _ = factorize(matrix.T, lower=True, overwrite_a=True)
        invert(factor, lower=True, overwrite_c=True)

    return run


def with_labels(train):
    """The same clicks, half of them with a label below 1."""
    import dataclasses

    import numpy as np

    label = np.where(np.arange(len(train)) % 2, 1.0, 0.5)
    return dataclasses.replace(train, weight=label)


def of_item_knn(train, arguments):
    from deca_tf.baselines import ItemKNN

    return {"item-knn": lambda: lambda: ItemKNN(train)}


def of_als(train, arguments):
    from deca_tf.baselines import ImplicitALS

    try:
        import scipy.sparse
        from implicit.cpu.als import AlternatingLeastSquares

        matrix = scipy.sparse.csr_matrix(train.to_csr())
    except ImportError:
        AlternatingLeastSquares = None
    found = {}
    for factors in arguments.factors:
        found[f"als {factors}"] = lambda factors=factors: (
            lambda: ImplicitALS(train, factors=factors, iterations=15)
        )
        for way, use_cg in (("CG", True), ("Cholesky", False)):
            if AlternatingLeastSquares is not None:
                settings = {"factors": factors, "use_cg": use_cg, "num_threads": 1}
                found[f"implicit {factors}, {way}"] = lambda settings=settings: (
                    lambda: AlternatingLeastSquares(iterations=15, random_state=0, **settings).fit(
                        matrix, show_progress=False
                    )
                )
    return found


CONTENDERS = {"ease": of_ease, "item-knn": of_item_knn, "als": of_als}


def peak(arguments, dataset, name):
    """Bytes that learning adds, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_of, (arguments, dataset, name))


def _peak_of(arguments, dataset, name):
    train = read(arguments, dataset)
    model = name.partition(" ")[0].partition(",")[0]
    run = CONTENDERS[model](train, arguments)[name]()
    before = _peak()
    run()
    return max(0, _peak() - before)


def _peak():
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
