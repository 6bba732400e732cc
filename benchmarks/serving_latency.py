"""How long does a recommendation take?

An exported model beside the bare matrix product and top-k, in turn in one run.

    python -m benchmarks.serving_latency --items 10000 --dim 32 --threads 1

Both are SavedModels, loaded and asked through their signatures. The bare one takes vectors and
gives the k best item numbers; ours takes raw ids as strings, leaves out what each user has seen,
and gives raw ids.
"""

import argparse
import json
import os
import pathlib
import platform
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

USERS = 20_000
SEEN = 20  # items of each user
K = 10


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--items", type=int, default=10_000, help="size of the catalogue (default: %(default)s)"
    )
    parser.add_argument(
        "--dim", type=int, default=32, help="length of the vectors (default: %(default)s)"
    )
    parser.add_argument(
        "--index", default="brute-force", help="as for `deca-tf export` (default: %(default)s)"
    )
    parser.add_argument(
        "--dtype", default="float32", help="as for `deca-tf export` (default: %(default)s)"
    )
    parser.add_argument(
        "--batches", default="1,64", help="users in a request (default: %(default)s)"
    )
    parser.add_argument(
        "--requests", type=int, default=1000, help="of each kind, at most (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="for each kind, at most (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of TensorFlow (default: %(default)s)"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    rng = np.random.default_rng(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bare, ours = _models(pathlib.Path(folder), arguments, rng)
        for batch in map(int, arguments.batches.split(",")):
            vectors = tf.constant(rng.normal(size=(batch, arguments.dim)), tf.float32)
            questions = [
                tf.constant([f"user {user}" for user in rng.integers(0, USERS, batch)], tf.string)
                for _ in range(50)
            ]
            asked = {
                "matmul + top_k": lambda _, vectors=vectors: bare(query=vectors),
                "recommend": lambda number, questions=questions: ours(
                    user_id=questions[number % 50]
                ),
            }
            times = _in_turn(asked, arguments.requests, arguments.seconds)
            for name, values in times.items():
                p50, p99 = np.percentile(values, [50, 99]) * 1e3
                rows.append(
                    {
                        "batch": batch,
                        "what": name,
                        "p50_ms": p50,
                        "p99_ms": p99,
                        "requests": len(values),
                    }
                )
                print(
                    f"batch {batch:4}  {name:16} p50 {p50:9.3f} ms   p99 {p99:9.3f} ms   of "
                    f"{len(values)}"
                )
            bare_row, our_row = rows[-2:]
            for percentile in ("p50_ms", "p99_ms"):
                our_row[f"{percentile}_ratio"] = our_row[percentile] / bare_row[percentile]
            ratios = our_row["p50_ms_ratio"], our_row["p99_ms_ratio"]
            print(f"batch {batch:4}  {'ratio':16} p50 {ratios[0]:9.2f}      p99 {ratios[1]:9.2f}")
    if arguments.out:
        results = {
            **{name: value for name, value in vars(arguments).items() if name != "out"},
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "tensorflow": tf.__version__,
            "results": rows,
        }
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def _models(folder, arguments, rng):
    """The signatures of the bare model and of ours."""
    import numpy as np
    import tensorflow as tf

    from deca_tf.backbones import MF
    from deca_tf.data import Interactions, LeakReport, Split
    from deca_tf.serving import export

    class Bare(tf.Module):
        def __init__(self, vectors):
            super().__init__()
            self.items = tf.Variable(vectors)

        @tf.function(input_signature=[tf.TensorSpec([None, arguments.dim], tf.float32, "query")])
        def best(self, query):
            scores, items = tf.math.top_k(tf.matmul(query, self.items, transpose_b=True), k=K)
            return {"score": scores, "item": items}

    users = np.repeat(np.arange(USERS, dtype=np.int32), SEEN)
    items = rng.integers(0, arguments.items, len(users)).astype(np.int32)
    raw = (
        np.array([f"user {u}" for u in range(USERS)]),
        np.array([f"item {i}" for i in range(arguments.items)]),
    )
    train = Interactions(users, items, *raw).distinct()
    rest = train.take(np.arange(2))
    split = Split(train, rest, rest, protocol="paper", name="random", leaks=LeakReport())
    model = MF(USERS, arguments.items, embedding_dim=arguments.dim, embedding_stddev=1.0)
    path = export(
        model,
        split,
        folder / "ours",
        k=K,
        index=arguments.index,
        dtype=arguments.dtype,
        warmup_batch_sizes=(),
    )
    bare = Bare(model.item_table.numpy())
    tf.saved_model.save(bare, str(folder / "bare"), signatures={"serving_default": bare.best})
    _models.kept = [
        tf.saved_model.load(str(each)) for each in (folder / "bare", path)
    ]  # they own their variables
    return [loaded.signatures["serving_default"] for loaded in _models.kept]


def _in_turn(asked, requests, seconds):
    """Seconds of each request, `{name: list}`, after some to warm up."""
    for ask in asked.values():
        for number in range(20):
            ask(number)
    times = {name: [] for name in asked}
    end = time.perf_counter() + seconds * len(asked)
    for number in range(requests):
        for name, ask in asked.items():
            began = time.perf_counter()
            answer = ask(number)
            next(iter(answer.values())).numpy()
            times[name].append(time.perf_counter() - began)
        if time.perf_counter() > end:
            break
    return times


if __name__ == "__main__":
    main()
