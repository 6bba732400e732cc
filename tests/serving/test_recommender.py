"""Recommender: the newest complete version, asked in the user's own ids, answered as a table."""

import numpy as np
import pandas as pd
import pytest

from deca_tf.serving import Recommender, export


@pytest.fixture(scope="module")
def target(make_target):
    return make_target(item_bias=True)


@pytest.fixture(scope="module")
def folder(split, target, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "toy"
    export(target, split, folder, k=3)
    export(target, split, folder, k=10)
    (folder / "unfinished-abc").mkdir()
    (folder / "12").mkdir()
    (folder / "12" / "saved_model.pb").write_bytes(b"half")
    return folder


def test_the_newest_complete_version_is_loaded(folder):
    newest, first = Recommender(folder), Recommender(str(folder), version=1)
    assert (newest.version, newest.k, newest.path) == (2, 10, folder / "2")
    assert (first.version, first.k, first.manifest["k"]) == (1, 3, 3)


def test_the_table_holds_the_expected_ranking(folder, target, split, expect):
    users = ["user 9", "nobody", split.train.raw_user_ids[4]]
    table = Recommender(folder).recommend(users, k=4)
    assert list(table.columns) == ["user_id", "rank", "item_id", "score", "known_user"]
    assert table["user_id"].tolist() == np.repeat(users, 4).tolist()
    assert table["rank"].tolist() == [1, 2, 3, 4] * 3
    expected = [expect(target, user, 4) for user in (9, None, 4)]
    assert table["item_id"].tolist() == [item for one in expected for item in one.items]
    np.testing.assert_allclose(
        table["score"], np.concatenate([one.scores for one in expected]), rtol=1e-5
    )
    assert table["known_user"].tolist() == [True] * 4 + [False] * 4 + [True] * 4


def test_users_with_few_items_left_get_fewer_rows(folder):
    table = Recommender(folder).recommend(["user 0", "user 3"])
    assert table["user_id"].tolist() == ["user 3"] * 2
    assert set(table["item_id"]) == {"Stück 7", "Stück 41"}


def test_many_users_no_users_one_user(folder):
    recommender = Recommender(folder)
    many = recommender.recommend([f"user {9 + i % 50}" for i in range(600)], k=1)
    assert len(many) == 600
    assert many["item_id"].iloc[550] == many["item_id"].iloc[0]
    none = recommender.recommend(pd.Series([], dtype=str))
    assert len(none) == 0 and list(none.columns) == list(many.columns)
    assert len(recommender.recommend("user 9")) == len(recommender.recommend(1234)) == 10


@pytest.mark.parametrize(
    "arguments, error, match",
    [
        ({"user_ids": ["user 9"], "k": 11}, ValueError, r"at most 10, .*Received: k=11.*Export again"),
        ({"user_ids": ["user 9"], "k": 0}, ValueError, r"`k` must be an integer of at least 1\. Received: k=0"),
        ({"user_ids": ["user 9", 3.0]}, TypeError, r"strings or integers.*Received: 3.0 of type float"),
        ({"user_ids": None}, TypeError, r"strings or integers.*Received: None"),
    ],
)  # fmt: skip
def test_mistakes_in_a_question_are_named(folder, arguments, error, match):
    with pytest.raises(error, match=match):
        Recommender(folder).recommend(**arguments)


def test_mistakes_in_a_path_are_named(folder, tmp_path):
    with pytest.raises(
        FileNotFoundError, match="`folder` must be an existing folder.*Write one with"
    ):
        Recommender(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="at least one complete version.*Write one with"):
        Recommender(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=f"itself a version: give the folder above it, '{folder}'"
    ):
        Recommender(folder / "2")
    with pytest.raises(
        FileNotFoundError, match=r"one of the complete versions \[1, 2\].*Received: version=12"
    ):
        Recommender(folder, version=12)
