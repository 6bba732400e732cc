"""Interactions: ids checked, pairs told apart, repeated pairs merged, full histories found."""

import numpy as np
import pytest

from deca_tf.data import Interactions


def make(user_id, item_id, num_users=3, num_items=4, **columns):
    return Interactions(
        np.array(user_id, np.int32),
        np.array(item_id, np.int32),
        np.arange(num_users),
        np.arange(num_items),
        **columns,
    )


@pytest.mark.parametrize("user_id, item_id", [([3], [0]), ([-1], [0]), ([0], [4]), ([0], [-1])])
def test_ids_out_of_range_are_refused(user_id, item_id):
    with pytest.raises(ValueError, match=r"must be in \[0, "):
        make(user_id, item_id)


def test_columns_of_different_length_are_refused():
    with pytest.raises(
        ValueError, match="`rating` must be as long as `user_id`. Received: 1 and 2"
    ):
        make([0, 1], [0, 1], rating=np.array([5.0]))


@pytest.mark.parametrize(
    "columns, error, message",
    [
        (
            {"user_id": [0.5, 1.0]},
            TypeError,
            "`user_id` must hold integers.*Received: values of type float64",
        ),
        (
            {"item_id": ["0", "1"]},
            TypeError,
            "`item_id` must hold integers, positions in `raw_item_ids`",
        ),
        ({"user_id": [[0], [1]]}, ValueError, r"`user_id` must be flat.*shape \(2, 1\)"),
        (
            {"rating": [5.0, np.nan]},
            ValueError,
            "`rating` must hold finite numbers. Received: 1 .* row 1",
        ),
        (
            {"timestamp": [np.inf, 1.0]},
            ValueError,
            "`timestamp` must hold finite numbers. Received: 1 .* row 0",
        ),
        ({"dwell": ["long", "short"]}, TypeError, "`dwell` must hold numbers"),
    ],
)
def test_columns_of_the_wrong_kind_are_refused(columns, error, message):
    good = {
        "user_id": [0, 1],
        "item_id": [0, 1],
        "raw_user_ids": ["a", "b"],
        "raw_item_ids": ["x", "y"],
    }
    with pytest.raises(error, match=message):
        Interactions(**{**good, **columns})


def test_columns_are_kept_in_the_types_they_are_documented_with():
    kept = Interactions(
        [0, 1], np.array([1, 0]), ["a", "b"], ["x", "y"], [5, 4], None, [7.0, 8.0], [0, 1]
    )
    types = [kept.user_id, kept.item_id, kept.rating, kept.timestamp, kept.is_noisy]
    assert [column.dtype for column in types] == [
        np.int32,
        np.int32,
        np.float32,
        np.int64,
        np.bool_,
    ]
    assert kept.raw_user_ids[1] == "b"
    assert kept.is_noisy.tolist() == [False, True]


def test_a_table_says_what_it_holds_in_counts_alone():
    assert repr(make([0, 1], [0, 3])) == "Interactions: 2 pairs of 3 users and 4 items"
    many = make([0] * 1234, [1] * 1234, timestamp=np.arange(1234), weight=np.ones(1234))
    said = "Interactions: 1,234 pairs of 3 users and 4 items, with timestamp, weight"
    assert repr(many) == said


def test_pair_keys_differ_exactly_where_pairs_differ():
    users, items = np.divmod(np.arange(12), 4)
    keys = make(users, items).pair_key
    assert keys.dtype == np.int64
    assert len(set(keys.tolist())) == 12


def test_pair_keys_do_not_overflow_int32():
    big = Interactions(
        np.array([1_157_632], np.int32),
        np.array([9_559], np.int32),
        np.arange(1_157_633),
        np.arange(9_560),
    )
    assert big.pair_key[0] == 1_157_632 * 9_560 + 9_559


def test_take_keeps_the_id_spaces_and_every_column():
    taken = make(
        [0, 1, 2],
        [1, 2, 3],
        rating=np.array([1.0, 2.0, 3.0]),
        is_noisy=np.array([True, False, True]),
    ).take([2, 0])
    assert (taken.num_users, taken.num_items) == (3, 4)
    assert taken.user_id.tolist() == [2, 0]
    assert taken.rating.tolist() == [3.0, 1.0]
    assert taken.is_noisy.tolist() == [True, True]
    assert taken.timestamp is None


def test_distinct_keeps_the_earliest_row_whole():
    repeated = make(
        [1, 0, 1, 1],
        [2, 0, 2, 2],
        rating=np.array([4.0, 1.0, 5.0, 2.0]),
        timestamp=np.array([30, 5, 10, 10]),
    )
    merged = repeated.distinct()
    assert merged.user_id.tolist() == [0, 1]
    assert merged.timestamp.tolist() == [5, 10]
    assert merged.rating.tolist() == [1.0, 5.0]  # of the two rows at time 10, the first
    assert merged.num_merged == 2
    assert merged.distinct().num_merged == 2


def test_distinct_without_times_keeps_the_first_row():
    merged = make([1, 1, 0], [2, 2, 0], rating=np.array([4.0, 5.0, 1.0])).distinct()
    assert merged.rating.tolist() == [4.0, 1.0]


def repeated(**columns):
    """Pair (1, 2) at the times 30, 10 and 10, pair (0, 2) once."""
    times = np.array([30, 5, 10, 10])
    return make([1, 0, 1, 1], [2, 2, 2, 2], timestamp=times, rating=np.arange(4.0), **columns)


@pytest.mark.parametrize(
    ("repeats", "ratings", "weights"),
    [
        ("first", [1.0, 2.0], [3.0, 4.0]),
        ("last", [0.0, 1.0], [0.5, 3.0]),
        ("sum", [1.0, 2.0], [3.0, 5.75]),
    ],
)
def test_a_repeated_pair_keeps_one_row_and_its_weight_or_the_sum(repeats, ratings, weights):
    merged = repeated(weight=[0.5, 3.0, 4.0, 1.25]).distinct(repeats)
    assert merged.rating.tolist() == ratings
    assert merged.weight.tolist() == weights
    assert merged.weight.dtype == np.float32
    assert merged.num_merged == 2


def test_of_equal_times_the_last_row_is_the_last_by_position():
    merged = make([1, 1], [2, 2], timestamp=[7, 7], rating=[4.0, 5.0]).distinct("last")
    assert merged.rating.tolist() == [5.0]


@pytest.mark.parametrize("repeats", ["sum", "count"])
def test_rows_without_weights_count_one_each(repeats):
    merged = repeated().distinct(repeats)
    assert (merged.user_id.tolist(), merged.weight.tolist()) == ([0, 1], [1.0, 3.0])
    assert repeated().distinct().weight is None


def test_weights_are_not_replaced_by_counts_nor_merged_in_an_unknown_way():
    with pytest.raises(ValueError, match="`repeats` must not be 'count' where there are weights"):
        repeated(weight=np.ones(4)).distinct("count")
    with pytest.raises(ValueError, match="`repeats` must be one of .* Did you mean 'last'"):
        repeated().distinct("lats")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, -0.5], "`weight` must be at least 0. Received: -0.5 in row 1"),
        ([np.nan, 1.0], "`weight` must hold finite numbers. Received: 1 .* row 0"),
        ([1.0], "`weight` must be as long as `user_id`. Received: 1 and 2"),
    ],
)
def test_weights_that_are_none_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        make([0, 1], [0, 1], weight=weight)


def test_users_without_negatives_counts_pairs_not_rows():
    assert make(
        [0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 3, 0, 1, 2, 2]
    ).users_without_negatives().tolist() == [0]
    assert make([0], [0]).users_without_negatives().tolist() == []


def test_csr_counts_repeated_pairs_once():
    matrix = make([0, 0, 2], [1, 1, 3]).to_csr()
    assert matrix.shape == (3, 4)
    np.testing.assert_array_equal(matrix.toarray(), [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]])


def test_a_matrix_of_values_has_each_pair_once_with_its_largest():
    clicks = make([0, 2, 0, 2, 0], [1, 0, 1, 3, 1])
    matrix = clicks.to_csr(np.array([0.5, 0.25, 0.75, 0.0, 0.125]))
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(
        matrix.toarray(), [[0, 0.75, 0, 0], [0, 0, 0, 0], [0.25, 0, 0, 0]]
    )
    once = make([0, 2], [1, 0]).to_csr([0.5, 2.0])
    assert once[[0, 2], [1, 0]].tolist() == [0.5, 2.0]


def test_decayed_clicks_weigh_half_for_every_half_life():
    times = np.array([0, 20, 10]) * 86_400
    clicks = make([0, 1, 2], [0, 1, 2], timestamp=times)
    np.testing.assert_allclose(clicks.decayed(10).weight, [0.25, 1.0, 0.5])
    weighted = make([0, 1, 2], [0, 1, 2], timestamp=times, weight=[4.0, 3.0, 0.0])
    np.testing.assert_allclose(weighted.decayed(10).weight, [1.0, 3.0, 0.0])
    assert weighted.decayed(10).timestamp is weighted.timestamp
    with pytest.raises(ValueError, match="`half_life` must be None where clicks have no timestamp"):
        make([0], [0]).decayed(10)


def test_rows_that_follow_keep_the_columns_that_both_have():
    first = make([0, 1], [0, 1], timestamp=[1, 2], rating=[1.0, 2.0])
    second = make([0], [0], timestamp=[3], weight=[0.5])
    both = first.followed_by(second)
    assert (both.user_id.tolist(), both.item_id.tolist()) == ([0, 1, 0], [0, 1, 0])
    assert both.timestamp.tolist() == [1, 2, 3]
    assert both.weight.tolist() == [1.0, 1.0, 0.5]
    assert both.rating is None
