"""A split with every hard kind of user, and random models over it.

The ranking they should give is written in NumPy.
"""

import dataclasses

import numpy as np
import pytest

NUM_USERS, NUM_ITEMS = 60, 50
NOTHING_LEFT = float(np.finfo(np.float32).min)
SAW_ALL, ONLY_VALIDATION, NEVER_SEEN, TWO_LEFT, UNICODE = 0, 1, 2, 3, 4


@dataclasses.dataclass
class Answer:
    """What should come out for one user."""

    items: list
    scores: list
    known: bool


@pytest.fixture(scope="session")
def split():
    """60 users and 50 items.

    User 0 saw all, 1 has only validation pairs, 2 none, 3 all but two; 4 has a unicode id.
    """
    from deca_tf.data import Interactions, LeakReport, Split

    rng = np.random.default_rng(3)
    part = rng.choice(
        4, size=(NUM_USERS, NUM_ITEMS), p=[0.6, 0.25, 0.1, 0.05]
    )  # 0: none, then train, validation, test
    part[SAW_ALL] = 1 + np.arange(NUM_ITEMS) % 2
    part[ONLY_VALIDATION] = np.where(part[ONLY_VALIDATION] == 1, 2, part[ONLY_VALIDATION])
    part[NEVER_SEEN] = 0
    part[TWO_LEFT] = 1
    part[TWO_LEFT, [7, 41]] = 0
    users = np.array([f"user {u}" for u in range(NUM_USERS)])
    users[UNICODE] = "Zoë 🎬 用户"
    items = np.array([f"Stück {i}" for i in range(NUM_ITEMS)])

    def rows(number):
        user, item = (ids.astype(np.int32) for ids in np.nonzero(part == number))
        return Interactions(user, item, users, items)

    return Split(rows(1), rows(2), rows(3), protocol="clean", name="toy", leaks=LeakReport())


OTHERS = ("mean-of-two", "pairs")


def mean_of_two(first, second):
    """What the ensemble ships."""
    from deca_tf.denoisers.ensemble import MeanOfTwo

    return MeanOfTwo(first, second)


def pairs_only(seed):
    """A plain Keras model from pairs to logits: no sizes, no `score_all_items`."""
    import keras

    user, item = (keras.Input((), dtype="int32", name=name) for name in ("user_id", "item_id"))
    normal = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
    vectors = [
        keras.layers.Embedding(size, 8, embeddings_initializer=normal)(ids)
        for size, ids in ((NUM_USERS, user), (NUM_ITEMS, item))
    ]
    hidden = keras.layers.Dense(16, activation="relu", kernel_initializer=normal)(
        keras.ops.concatenate(vectors, -1)
    )
    hidden = keras.layers.Dropout(0.5)(hidden)
    logits = keras.layers.Dense(1, kernel_initializer=normal)(hidden)[:, 0]
    return keras.Model({"user_id": user, "item_id": item}, logits)


@pytest.fixture(scope="session")
def make_target(split):
    """Function from a name and options to a model with random weights, biases included.

    The name is a backbone's, or one of `OTHERS`, whose score is no dot product either.
    """

    def make(name="mf", *, seed=5, **options):
        from deca_tf.backbones import BACKBONES

        if name == "mean-of-two":
            return mean_of_two(make("neumf", seed=seed), make("cdae", seed=seed + 1))
        if name == "pairs":
            return pairs_only(seed)
        target = BACKBONES.build(name, num_users=NUM_USERS, num_items=NUM_ITEMS, options=options)
        target.adapt(split.train)
        rng = np.random.default_rng(seed)
        for weight in target.trainable_variables:
            layer = weight.shape[0] if "kernel" in weight.path else 1
            weight.assign(rng.normal(size=weight.shape) / layer**0.5)
        return target

    return make


@pytest.fixture(scope="session")
def expect_all(split):
    """Function from a target and dense users (None: not in the data) to `Answer`s.

    They are computed without our code.
    """
    train = list(zip(split.train.user_id.tolist(), split.train.item_id.tolist(), strict=True))
    validation = list(
        zip(split.validation.user_id.tolist(), split.validation.item_id.tolist(), strict=True)
    )
    popularity = np.array(
        [sum(item == i for _, item in train) for i in range(NUM_ITEMS)], np.float32
    )

    def answers(target, users, k):
        users = list(users)
        rows = np.array([0 if user is None else user for user in users], np.int32)
        pairs = {
            "user_id": np.repeat(rows, NUM_ITEMS),
            "item_id": np.tile(np.arange(NUM_ITEMS, dtype=np.int32), len(rows)),
        }
        logits = np.asarray(target(pairs)).reshape(len(users), NUM_ITEMS)
        return [answer(user, own_logits, k) for user, own_logits in zip(users, logits, strict=True)]

    def answer(user, logits, k):
        seen = {item for owner, item in train + validation if owner == user}
        known = any(owner == user for owner, _ in train)
        scores = logits if known else popularity
        best = sorted(
            (i for i in range(NUM_ITEMS) if i not in seen), key=lambda i: (-scores[i], i)
        )[:k]
        missing = k - len(best)
        items = [str(split.train.raw_item_ids[i]) for i in best] + [""] * missing
        return Answer(items, [float(scores[i]) for i in best] + [NOTHING_LEFT] * missing, known)

    return answers


@pytest.fixture(scope="session")
def expect(expect_all):
    """Function from a target and one dense user to an `Answer`."""
    return lambda target, user, k: expect_all(target, [user], k)[0]
