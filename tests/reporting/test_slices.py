"""Slices of an evaluation, against sets and loops."""

import numpy as np
import pytest

from deca_tf.data import Interactions, Split
from deca_tf.evaluation import evaluate
from deca_tf.reporting import slices
from deca_tf.reporting.slices import item_deciles

NUM_USERS, NUM_ITEMS, K = 40, 25, 5


class Table:
    def __init__(self, scores):
        self.scores = scores

    def score_all_items(self, user_ids):
        return self.scores[user_ids]


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(3)
    keys = rng.permutation(NUM_USERS * NUM_ITEMS)[:420]
    users, items = (keys // NUM_ITEMS).astype(np.int32), (keys % NUM_ITEMS).astype(np.int32)
    whole = Interactions(users, items, np.arange(NUM_USERS) + 500, np.arange(NUM_ITEMS))
    is_test = np.arange(420) < 120
    cold = users % 10 == 0  # no row of theirs is in train
    split = Split(
        whole.take(~is_test & ~cold), whole.take(~is_test & cold), whole.take(is_test), "clean", "t"
    )
    scores = rng.normal(size=(NUM_USERS, NUM_ITEMS)).astype(np.float32)
    return split, scores, evaluate(Table(scores), split, ks=(K,))


def lists(split, scores):
    """Ranked items of each user, by loops; popularity for those without clicks in train."""
    train, validation = (
        list(zip(p.user_id, p.item_id, strict=True)) for p in (split.train, split.validation)
    )
    popularity = np.bincount(split.train.item_id, minlength=NUM_ITEMS)
    for user in range(NUM_USERS):
        is_warm = any(u == user for u, _ in train)
        own = scores[user] if is_warm else popularity
        taken = {i for u, i in train + validation if u == user}
        yield (
            sorted((i for i in range(NUM_ITEMS) if i not in taken), key=lambda i: (-own[i], i)),
            own,
            is_warm,
        )


def test_ranks_of_all_pairs(evaluation):
    split, scores, found = evaluation
    ranked = [items for items, *_ in lists(split, scores)]
    expected = sorted(
        (int(u), int(i), ranked[u].index(i) + 1)
        for u, i in zip(split.test.user_id, split.test.item_id, strict=True)
    )
    received = [tuple(row) for row in found.per_pair.itertuples(index=False)]
    assert [pair for *pair, _ in received] == [pair for *pair, _ in expected]
    beyond = K + 1  # where ties are not told apart
    assert [min(place, beyond) for *_, place in received] == [
        min(place, beyond) for *_, place in expected
    ]


def test_a_pair_that_was_seen_has_no_place():
    rows = Interactions(np.zeros(2, int), np.array([0, 2]), np.arange(1), np.arange(4))
    split = Split(rows.take([0]), rows.take([1]), rows, "paper", "t")
    found = evaluate(
        Table(np.array([[4.0, 3.0, 2.0, 1.0]], np.float32)), split, ks=(2,), leave_out_seen=True
    )
    assert found.per_pair["rank"].tolist() == [0, 0]


def test_users_and_items_are_sliced_as_said(evaluation):
    split, scores, found = evaluation
    table = slices(found, split.train, K).set_index("slice")
    test = {
        user: set(split.test.item_id[split.test.user_id == user].tolist())
        for user in range(NUM_USERS)
    }
    activity = np.bincount(split.train.user_id, minlength=NUM_USERS)
    hits, recall = {}, {}
    for user, (items, *_) in enumerate(lists(split, scores)):
        hits[user] = test[user] & set(items[:K])
        recall[user] = len(hits[user]) / len(test[user]) if test[user] else None
    asked = [user for user in range(NUM_USERS) if test[user]]

    def mean(users):
        return pytest.approx(np.mean([recall[user] for user in users]))

    for name, users in {
        "all users": asked,
        "cold users": [u for u in asked if not activity[u]],
        "users with 0 clicks": [u for u in asked if not activity[u]],
        "warm users": [u for u in asked if activity[u]],
        "users with 1 to 4 clicks": [u for u in asked if 1 <= activity[u] <= 4],
        "users with 5 to 9 clicks": [u for u in asked if 5 <= activity[u] <= 9],
    }.items():
        assert users, name
        assert table.loc[name, "users"] == len(users)
        assert table.loc[name, "pairs"] == sum(len(test[user]) for user in users)
        assert table.loc[name, f"recall@{K}"] == mean(users), name
    order = sorted(range(NUM_ITEMS), key=lambda i: (-np.count_nonzero(split.train.item_id == i), i))
    deciles = {i: place * 10 // NUM_ITEMS + 1 for place, i in enumerate(order)}
    assert item_deciles(split.train).tolist() == [deciles[i] for i in range(NUM_ITEMS)]
    for number in range(1, 11):
        pairs = [(u, i) for u in asked for i in test[u] if deciles[i] == number]
        row = table.loc[f"items, decile {number}"]
        assert row["pairs"] == len(pairs) and row["users"] == len({u for u, _ in pairs})
        assert row[f"recall@{K}"] == pytest.approx(np.mean([i in hits[u] for u, i in pairs]))
    assert "users with 100 or more clicks" not in table.index  # there are none


def test_a_length_that_was_not_evaluated_is_refused(evaluation):
    with pytest.raises(ValueError, match="must be one that was evaluated.*Received: k=20"):
        slices(evaluation[2], evaluation[0].train)
