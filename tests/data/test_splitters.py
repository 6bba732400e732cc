"""Splitting: no row lost, time respected, the test cleaned by rule."""

import numpy as np
import pytest

from deca_tf.data import Interactions, split, split_chronological, split_hash, split_random
from deca_tf.data.splitters import clean_test_mask


def make(user_id, item_id, num_items=None, **columns):
    user_id, item_id = np.asarray(user_id, np.int32), np.asarray(item_id, np.int32)
    return Interactions(
        user_id,
        item_id,
        np.arange(user_id.max() + 1),
        np.arange(num_items or item_id.max() + 1),
        **columns,
    )


@pytest.fixture
def log():
    """600 distinct pairs of 20 users with shuffled times (many equal) and ratings."""
    rng = np.random.default_rng(7)
    pairs = rng.permutation(20 * 50)[:600]
    return make(
        pairs // 50,
        pairs % 50,
        50,
        timestamp=rng.integers(0, 100, 600),
        rating=rng.integers(1, 6, 600) * 1.0,
    )


def keys(*parts):
    return np.sort(np.concatenate([part.pair_key for part in parts]))


@pytest.mark.parametrize("by", ["chronological-per-user", "chronological-global", "random", "hash"])
def test_every_row_falls_into_exactly_one_part(log, by):
    whole = split(log, by=by)
    np.testing.assert_array_equal(
        keys(whole.train, whole.validation, whole.test), np.sort(log.pair_key)
    )
    assert whole.protocol == "clean"
    assert whole.leaks.total == 0
    assert len(whole.train) == pytest.approx(480, abs=30 if by == "hash" else 10)


@pytest.mark.parametrize("rows, expected", [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (2, 1, 0)), (4, (3, 1, 0)),
                                            (5, (4, 1, 0)), (6, (5, 0, 1)), (7, (6, 0, 1)), (8, (6, 1, 1)),
                                            (10, (8, 1, 1)),
                                            (15, (12, 2, 1)), (25, (20, 3, 2))])  # fmt: skip
def test_small_histories_are_cut_as_documented(rows, expected):
    parts = split_chronological(make(np.zeros(rows), np.arange(rows), timestamp=np.arange(rows)))
    assert tuple(map(len, parts)) == expected


def test_per_user_split_respects_each_users_own_time(log):
    train, validation, test = split_chronological(log, per="user")
    for user in range(20):
        times = [part.timestamp[part.user_id == user] for part in (train, validation, test)]
        assert times[0].max() <= times[1].min()
        assert times[1].max() <= times[2].min()


def test_new_users_and_items_do_not_move_anyones_cut(log):
    rng = np.random.default_rng(1)
    new = make(
        rng.integers(20, 40, 500), rng.integers(0, 90, 500), timestamp=rng.integers(0, 10**6, 500)
    )
    both = Interactions(
        np.concatenate([new.user_id, log.user_id]),
        np.concatenate([new.item_id, log.item_id]),
        np.arange(40),
        np.arange(90),
        timestamp=np.concatenate([new.timestamp, log.timestamp]),
    )
    for part, before in zip(split_chronological(both), split_chronological(log), strict=True):
        known = part.take(part.user_id < 20)
        for column in ("user_id", "item_id", "timestamp"):
            np.testing.assert_array_equal(getattr(known, column), getattr(before, column))


def test_global_split_respects_the_logs_time(log):
    train, validation, test = split_chronological(log, per="global")
    assert train.timestamp.max() <= validation.timestamp.min()
    assert validation.timestamp.max() <= test.timestamp.min()
    assert tuple(map(len, (train, validation, test))) == (480, 60, 60)


@pytest.mark.parametrize("per", ["user", "global"])
def test_equal_times_keep_the_order_of_the_rows(per):
    parts = split_chronological(
        make(np.zeros(10), np.arange(10)[::-1], timestamp=np.zeros(10, np.int64)), per=per
    )
    assert [part.item_id.tolist() for part in parts] == [[9, 8, 7, 6, 5, 4, 3, 2], [1], [0]]


def test_random_split_depends_on_the_seed_alone(log):
    same = [split_random(log, seed=3)[2].pair_key for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert set(same[0]) != set(split_random(log, seed=4)[2].pair_key)


def test_the_rule_cleans_the_test_and_nothing_else(log):
    plain, cleaned = split(log), split(log, clean_test="rating >= 5")
    np.testing.assert_array_equal(plain.train.pair_key, cleaned.train.pair_key)
    np.testing.assert_array_equal(plain.validation.pair_key, cleaned.validation.pair_key)
    np.testing.assert_array_equal(
        plain.test.pair_key[plain.test.rating == 5], cleaned.test.pair_key
    )
    assert cleaned.train.rating.min() == 1


@pytest.mark.parametrize(
    "rule, expected",
    [
        ("rating >= 3", [0, 1, 1]),
        ("rating>3", [0, 0, 1]),
        ("rating == 3", [0, 1, 0]),
        (" rating<=3.0 ", [1, 1, 0]),
        ("rating < 3", [1, 0, 0]),
        # Fmt: skip.
        ("is_noisy == 0", [0, 1, 1]),
        ("dwell >= 1e1", [0, 1, 1]),
    ],
)
def test_rules_mean_what_they_say(rule, expected):
    clicks = make(
        [0, 1, 2],
        [0, 1, 2],
        rating=np.array([2.0, 3.0, 4.0]),
        dwell=np.array([9.9, 10, 11]),
        is_noisy=np.array([1, 0, 0]) > 0,
    )
    assert clean_test_mask(clicks, rule).tolist() == [bool(value) for value in expected]


@pytest.mark.parametrize(
    "rule, message",
    [
        ("ratings >= 5", "Did you mean 'rating'"),
        ("rating => 5", "must read `column operator number`"),
        ("rating >= five", "must read `column operator number`"),
        ("rating >= 5 or 1", "must read `column operator number`"),
        ("dwell >= 10", r"a column that the data has \(rating, timestamp\)"),
        (
            "rating > 5",
            "The test split must not be empty. .* meets clean_test='rating > 5'. Loosen the `clean_",
        ),
    ],
)
def test_bad_rules_are_refused(log, rule, message):
    with pytest.raises(ValueError, match=message):
        split(log, clean_test=rule)


def test_a_rule_that_is_no_string_is_a_type_error(log):
    with pytest.raises(TypeError, match="`clean_test` must be a string"):
        split(log, clean_test=5)


@pytest.mark.parametrize(
    "fractions",
    [(0.8, 0.2), (0.8, 0.2, 0.0), (0.8, 0.1, 0.2), (1.1, -0.2, 0.1), "8:1:1", None, 0.8],
)
def test_bad_fractions_are_refused(log, fractions):
    with pytest.raises(ValueError, match="`fractions` must be three positive shares"):
        split(log, fractions=fractions)


def test_unknown_way_names_the_nearest(log):
    with pytest.raises(
        ValueError,
        match="Received: by='chronological-per-usr'. Did you mean 'chronological-per-user'?",
    ):
        split(log, by="chronological-per-usr")


@pytest.mark.parametrize("by", ["chronological-per-user", "chronological-global"])
def test_chronological_split_requires_times(by):
    with pytest.raises(
        ValueError, match="requires a `timestamp`.*`timestamp_column`, or split by='random'"
    ):
        split(make([0, 1], [0, 1]), by=by)


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="The validation split must not be empty"):
        split(make([0, 1], [0, 1], timestamp=np.array([1, 2])))


def raw_pairs(part):
    return set(
        zip(
            part.raw_user_ids[part.user_id].tolist(),
            part.raw_item_ids[part.item_id].tolist(),
            strict=True,
        )
    )


def test_a_hash_split_stays_as_the_data_grows():
    rng = np.random.default_rng(0)
    keys = rng.choice(400 * 300, 20_000, replace=False)
    whole = Interactions(keys // 300, keys % 300, np.arange(1000, 1400), np.arange(300))
    # Half of the rows, in another order, under other dense ids, with text for raw ids.
    half = rng.permutation(10_000)
    order = rng.permutation(400)
    less = Interactions(
        np.argsort(order)[keys[half] // 300],
        keys[half] % 300,
        np.arange(1000, 1400)[order].astype(str),
        np.arange(300),
    )
    for part, before, share in zip(
        split_hash(whole), split_hash(less), (0.8, 0.1, 0.1), strict=True
    ):
        assert len(part) == pytest.approx(share * len(whole), rel=0.06)
        known = {(int(user), item) for user, item in raw_pairs(before)}
        assert known == raw_pairs(part) & raw_pairs(whole.take(half))
    # Parts of one user, or item, are spread as the whole is.
    test_users = split_hash(whole)[2].user_activity()
    assert 0 < np.var(test_users) < 2 * np.mean(test_users)
    assert raw_pairs(split_hash(whole, seed=1)[2]) != raw_pairs(split_hash(whole)[2])
    assert len(raw_pairs(split_hash(whole, seed=1)[2]) & raw_pairs(split_hash(whole)[2])) < 400


def test_repeated_pairs_cannot_leak_through_a_split(log):
    doubled = log.take(np.tile(np.arange(len(log)), 2))
    with pytest.raises(ValueError, match=r"`interactions.distinct\(\)`"):
        split(doubled, by="random")
    assert split(doubled.distinct(), by="random").leaks.merged == 600
