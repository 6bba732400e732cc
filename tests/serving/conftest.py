"""A split with every hard kind of user, random models over it, and the ranking they should give, written in NumPy."""

import dataclasses

import numpy as np
import pytest

NUM_USERS, NUM_ITEMS = 60, 50
SAW_ALL, ONLY_VALIDATION, NEVER_SEEN, TWO_LEFT, UNICODE = 0, 1, 2, 3, 4


@dataclasses.dataclass
class Answer:
    """What should come out for one user."""

    items: list
    scores: list
    known: bool


@pytest.fixture(scope="session")
def split():
    """60 users and 50 items: user 0 saw all, 1 has only validation pairs, 2 none, 3 all but two; 4 has a unicode id."""
    from deca_tf.data import Interactions, LeakReport, Split

    rng = np.random.default_rng(3)
    part = rng.choice(4, size=(NUM_USERS, NUM_ITEMS), p=[0.6, 0.25, 0.1, 0.05])  # 0: none, then train, validation, test
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


@pytest.fixture(scope="session")
def make_target():
    """Function from a backbone's name and biases to a model with random weights, biases included."""

    def make(name="mf", *, item_bias=False, user_bias=False, seed=5):
        from deca_tf.backbones import BACKBONES

        target = BACKBONES.build(
            name, num_users=NUM_USERS, num_items=NUM_ITEMS, options={"item_bias": item_bias, "user_bias": user_bias}
        )
        rng = np.random.default_rng(seed)
        for weight in target.weights:
            weight.assign(rng.normal(size=weight.shape))
        return target

    return make


@pytest.fixture(scope="session")
def expect(split):
    """Function from a target and a dense user (None: not in the data) to an `Answer`, computed without our code."""

    def answer(target, user, k):
        train = list(zip(split.train.user_id.tolist(), split.train.item_id.tolist(), strict=True))
        validation = list(zip(split.validation.user_id.tolist(), split.validation.item_id.tolist(), strict=True))
        seen = {item for owner, item in train + validation if owner == user}
        known = any(owner == user for owner, _ in train)
        if known:
            scores = np.asarray(target.score_all_items(np.array([user], np.int32)))[0]
        else:
            scores = np.array([sum(item == i for _, item in train) for i in range(NUM_ITEMS)], np.float32)
        best = sorted((i for i in range(NUM_ITEMS) if i not in seen), key=lambda i: (-scores[i], i))[:k]
        missing = k - len(best)
        items = [str(split.train.raw_item_ids[i]) for i in best] + [""] * missing
        return Answer(items, [float(scores[i]) for i in best] + [-np.inf] * missing, known)

    return answer
