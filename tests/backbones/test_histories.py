"""Histories that backbones keep, by hand."""

import keras
import numpy as np
import pytest

from deca_tf.backbones import CDAE, ELSA
from deca_tf.data import Interactions

USERS, ITEMS = 4, 6
PAIRS = {0: [5], 2: [0, 3, 4], 3: [1, 5]}  # user 1 has none
every_kind = pytest.mark.parametrize("kind", [CDAE, ELSA])


def clicks(weight=None):
    users = [user for user, items in PAIRS.items() for _ in items]
    items = [item for items in PAIRS.values() for item in items]
    order = np.array([4, 0, 2, 5, 1, 3])  # as they came
    columns = (np.array(column)[order] for column in (users, items))
    return Interactions(*columns, np.arange(USERS), np.arange(ITEMS), weight=weight)


def build(kind, weight=None):
    model = kind(USERS, ITEMS, embedding_dim=2)
    model.adapt(clicks(weight))
    return model


def found(histories, users):
    """`{place: {item: target}}` of `histories_of`."""
    rows = {place: {} for place in range(len(users))}
    targets = histories.target
    for number, (row, item) in enumerate(zip(histories.row, histories.item_id, strict=True)):
        if row >= 0:
            rows[int(row)][int(item)] = 1 if targets is None else round(float(targets[number]), 4)
    return rows


@every_kind
def test_the_histories_of_some_users(kind):
    users = [3, 1, 2]
    histories = build(kind).histories_of(np.array(users, np.int32))
    assert found(histories, users) == {0: {1: 1, 5: 1}, 1: {}, 2: {0: 1, 3: 1, 4: 1}}


@every_kind
def test_weights_are_what_is_to_be_found_of_each_click(kind, tmp_path):
    weight = np.array([0.4, 0.0, 0.2, 0.5, 0.1, 0.3])  # of pair 4 of all, 0, 2, ...
    model = build(kind, weight)
    model.save(tmp_path / "model.keras")
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        histories = each.histories_of(np.array([2, 0], np.int32))
        assert found(histories, [2, 0]) == {0: {0: 0.1, 3: 0.2, 4: 0.3}, 1: {5: 0.0}}


def test_weights_of_a_repeated_pair_are_summed():
    repeated = Interactions([0, 0, 0], [1, 0, 1], [0], [0, 1], weight=[0.5, 0.25, 1.0])
    model = ELSA(1, 2, embedding_dim=2)
    model.adapt(repeated)
    assert found(model.histories_of(np.array([0])), [0]) == {0: {0: 0.25, 1: 1.5}}


@every_kind
def test_weights_that_come_later_are_refused(kind):
    model = build(kind)
    with pytest.raises(ValueError, match="has adapted to, without weights. Received: weights"):
        model.adapt(clicks(np.ones(6)))
    weighted = build(kind, np.full(6, 0.5))
    weighted.adapt(clicks())
    assert set(np.array(weighted.target_of_edge)) == {1.0}


def test_where_pairs_lie():
    model = build(ELSA)
    users, items = np.indices((USERS, ITEMS), np.int32)
    positions = np.array(model.positions_of(users, items))
    expected = np.full((USERS, ITEMS), -1)
    for position, (user, item) in enumerate(
        (user, item) for user, items in PAIRS.items() for item in items
    ):
        expected[user, item] = position
    np.testing.assert_array_equal(positions, expected)


@every_kind
def test_histories_that_are_unknown_are_asked_for(kind):
    with pytest.raises(RuntimeError, match=r"must be given the histories.*model.adapt\(split"):
        kind(USERS, ITEMS).histories_of(np.array([0]))
