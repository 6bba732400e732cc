"""A split on the ids that another data set knows, too."""

import numpy as np

from deca_tf.data import Interactions, Split
from deca_tf.data.common_ids import on_common_ids

USERS, ITEMS = np.array(["u0", "u1", "u2", "7"]), np.array(["a", "b", "c", "d"])


def part(*pairs):
    users, items = np.array(pairs, np.int32).reshape(-1, 2).T
    return Interactions(users, items, USERS, ITEMS)


def named(rows):
    return {
        (str(rows.raw_user_ids[u]), str(rows.raw_item_ids[i]))
        for u, i in zip(rows.user_id, rows.item_id, strict=True)
    }


def make_split():
    return Split(
        part((0, 0), (1, 1), (3, 3)),
        part((1, 0), (3, 0)),
        part((3, 1), (2, 0), (1, 3), (1, 2)),
        "clean",
        "t",
    )


def test_what_both_know_is_left_under_its_own_names():
    common = on_common_ids(make_split(), [7, 8, 1, "u1"], ["d", "x", "b", "a"])
    assert common.split.train.raw_user_ids.tolist() == ["u1", "7"]
    assert common.split.train.raw_item_ids.tolist() == ["a", "b", "d"]
    assert named(common.split.train) == {("u1", "b"), ("7", "d")}
    assert named(common.split.validation) == {("u1", "a"), ("7", "a")}
    assert named(common.split.test) == {("7", "b"), ("u1", "d")}
    assert (common.users.tolist(), common.items.tolist()) == ([1, 3], [0, 1, 3])
    assert (common.other_users.tolist(), common.other_items.tolist()) == ([3, 0], [3, 2, 0])


def test_pairs_are_taken_out_of_the_test_by_the_others_ids():
    common = on_common_ids(make_split(), ["7", "u1"], ["d", "x", "b"])
    left = common.without(
        np.array([0, 1, 1]), np.array([2, 1, 2])
    )  # 7 and b; u1 and x, which is not common; u1 and b
    assert named(left.split.test) == {("u1", "d")}
    assert named(left.split.train) == named(common.split.train)


def test_nothing_in_common():
    common = on_common_ids(make_split(), ["x"], ["y"])
    assert len(common.split.test) == 0 and common.split.num_users == common.split.num_items == 0
