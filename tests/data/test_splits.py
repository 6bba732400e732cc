"""Splits: leaks counted and refused, ids shared."""

import dataclasses

import numpy as np
import pytest

from deca_tf.data import Interactions, LeakReport, Split, check_leaks, split, split_random


def make(user_id, item_id, num_items=None):
    user_id, item_id = np.asarray(user_id, np.int32), np.asarray(item_id, np.int32)
    return Interactions(
        user_id, item_id, np.arange(user_id.max() + 1), np.arange(num_items or item_id.max() + 1)
    )


@pytest.fixture
def log():
    """600 distinct pairs of 20 users."""
    pairs = np.random.default_rng(7).permutation(20 * 50)[:600]
    return make(pairs // 50, pairs % 50, 50)


def test_leaks_are_counted_under_paper_and_refused_under_clean():
    whole = make([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], 4)
    train, validation, test = (
        whole.take([0, 1, 1, 3]),
        whole.take([1, 2]),
        whole.take([0, 1, 2, 2, 4]),
    )
    report = check_leaks(train, validation, test, "paper")
    assert report == LeakReport(train_validation=1, train_test=2, validation_test=2)
    assert "1 pairs are in both train and validation, 2 in both train and test" in str(report)
    with pytest.raises(ValueError, match="no pair is in two splits. Received: 1 pairs"):
        check_leaks(train, validation, test, "clean")
    assert check_leaks(whole.take([0]), whole.take([1]), whole.take([2]), "clean").total == 0


def test_seen_is_train_and_validation(log):
    whole = split(log, by="random")
    expected = np.sort(np.concatenate([whole.train.pair_key, whole.validation.pair_key]))
    np.testing.assert_array_equal(np.sort(whole.seen().pair_key), expected)
    assert whole.seen().to_csr().nnz == len(whole.train) + len(whole.validation)
    overlapping = Split(whole.train, whole.train, whole.test, "paper", "x", LeakReport())
    assert len(overlapping.seen()) == len(whole.train)


def test_parts_must_share_their_id_spaces(log):
    with pytest.raises(
        ValueError, match="must share their id spaces.*different `raw_user_ids`, of 20 and 1 ids"
    ):
        Split(log, log, make([0], [0]), "paper", "x", LeakReport())
    renamed = dataclasses.replace(log, raw_item_ids=log.raw_item_ids[::-1])
    with pytest.raises(
        ValueError, match="must share their id spaces.*different `raw_item_ids`, of 50 and 50 ids"
    ):
        check_leaks(log, renamed, log, "paper")


def test_no_split_is_clean_unless_its_leaks_are_none(log):
    train, validation, test = split_random(log)
    assert Split(train, validation, test, "clean", "x").leaks.total == 0
    assert Split(train, train, test, "paper", "x").leaks.train_validation == 480
    with pytest.raises(
        ValueError, match="no pair is in two splits. Received: 480 pairs are in both"
    ):
        Split(train, train, test, "clean", "x")
    with pytest.raises(
        ValueError, match="no pair is in two splits. Received: 0 .* 2 in both train and test"
    ):
        Split(train, validation, test, "clean", "x", LeakReport(train_test=2))


def test_a_split_says_what_it_holds():
    table = Interactions(np.arange(10), np.arange(10) % 3, np.arange(10), np.arange(3))
    whole = split(table, by="random", name="clicks")
    said = "clicks, protocol clean: 8 pairs to train on, 1 to validate, 1 to test, over 10 users and 3 items"
    assert repr(whole) == said


def test_fingerprint_holds_the_weights_of_train_whatever_the_order_of_its_rows():
    def fingerprint(order, **columns):
        train = Interactions(
            np.array([0, 0, 1]), np.array([0, 1, 1]), ["a", "b"], ["x", "y"], **columns
        ).take(order)
        nothing = train.take([])
        return Split(train, nothing, nothing, protocol="clean", name="t").fingerprint

    weighted = fingerprint([0, 1, 2], weight=[1.0, 2.0, 3.0])
    assert weighted == fingerprint([2, 0, 1], weight=[1.0, 2.0, 3.0])
    assert weighted != fingerprint([0, 1, 2], weight=[1.0, 3.0, 2.0])
    assert weighted != fingerprint([0, 1, 2])
    # as it was before there were weights: runs' folders hold it
    assert fingerprint([0, 1, 2]).startswith("687a001b0f3f31c3cc899149a977105c")
