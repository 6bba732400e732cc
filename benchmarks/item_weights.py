"""How large is a served matrix from items to items, what does it lose, and how fast does it answer?

    python -m benchmarks.item_weights --items 20000 --users 200000 --out FILE

A made-up log: each user has a taste, of as many as --tastes says, and takes 30 items of it by their
popularity, and 6 others. EASE learns it and is exported, once with as many weights as lose less
than .001 of recall@20 on the validation and once with as many as --weights says; each version is
asked for one user at a time, and for 32.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

OWN, OTHERS = 30, 6  # items of a user
TURNS = 50


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=20_000, help="(default: %(default)s)")
    parser.add_argument("--users", type=int, default=200_000, help="(default: %(default)s)")
    parser.add_argument("--tastes", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--weights", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    from deca_tf.baselines import EASE
    from deca_tf.serving import export

    split = made_up(arguments.users, arguments.items, arguments.tastes)
    print(split)
    began = time.perf_counter()
    model = EASE(split.train)
    found = {
        "items": arguments.items,
        "pairs": len(split.train),
        "learning seconds": time.perf_counter() - began,
        "peak GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "versions": [],
    }
    print(json.dumps(found))
    with tempfile.TemporaryDirectory() as folder:
        for per_item in (None, arguments.weights):
            version = export(
                model, split, folder, k=20, weights_per_item=per_item, warmup_batch_sizes=()
            )
            manifest = json.loads((version / "assets.extra/manifest.json").read_text())
            sizes = sum(file.stat().st_size for file in version.rglob("*") if file.is_file())
            answered = {f"ms for {size}": latency(version, split, size) for size in (1, 32)}
            found["versions"].append(
                {**manifest["item_weights"], "version MB": sizes / 1e6, **answered}
            )
            print(json.dumps(found["versions"][-1]))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2) + "\n")


def made_up(num_users, num_items, tastes, seed=0):
    """A `Split` of such a log: two of each user's items are in validation and test."""
    import numpy as np

    from deca_tf.data import Interactions, Split

    rng = np.random.default_rng(seed)
    popularity = (np.arange(num_items) // tastes + 5.0) ** -0.8
    own = rng.integers(tastes, size=num_users)
    per_taste = num_items // tastes
    weights = popularity[np.arange(per_taste) * tastes]
    cumulated = np.cumsum(weights) / weights.sum()
    places = np.searchsorted(cumulated, rng.random((num_users, OWN)))
    items = np.minimum(places, per_taste - 1) * tastes + own[:, None]
    others = rng.integers(num_items, size=(num_users, OTHERS))
    items = np.column_stack([items, others])
    users = np.repeat(np.arange(num_users), items.shape[1])
    keys = np.unique(users * num_items + items.ravel())
    users, items = np.divmod(keys, num_items)
    shuffled = rng.permutation(len(users))
    users, items = users[shuffled], items[shuffled]
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    last = np.append(np.diff(users) > 0, True)
    before_last = np.append(last[1:], False)
    ids = np.arange(num_users), np.arange(num_items)

    def part(mask):
        return Interactions(users[mask].astype(np.int32), items[mask].astype(np.int32), *ids)

    parts = part(~last & ~before_last), part(before_last), part(last)
    return Split(*parts, protocol="clean", name="made up")


def latency(version, split, size):
    """Milliseconds for a request of so many users, the median."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(version))
    ask = loaded.signatures["recommend"]
    users = [str(user) for user in range(size)]
    given = tf.constant(users)
    ask(user_id=given)
    took = []
    for _ in range(TURNS):
        began = time.perf_counter()
        ask(user_id=given)
        took.append(time.perf_counter() - began)
    return 1e3 * statistics.median(took)


if __name__ == "__main__":
    main()
