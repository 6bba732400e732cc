"""The timeline: cuts between times, repeats on their own side, what only the future knew."""

import numpy as np
import pytest

from deca_tf.data import Interactions, LeakReport, Split, check_leaks, split, split_timeline
from deca_tf.data.timeline import first_seen, said_times, share_after_test

DAY = 86_400


def log(times, users=None, items=None, **columns):
    """Pairs of ten users and ten items at some times."""
    rows = np.arange(len(times))
    users, items = (rows if ids is None else np.asarray(ids) for ids in (users, items))
    sizes = (np.arange(max(10, ids.max() + 1)) for ids in (users, items))
    return Interactions(users, items, *sizes, timestamp=np.asarray(times), **columns)


def times_of(parts):
    return [part.timestamp.tolist() for part in parts]


def test_the_whole_log_is_cut_at_two_moments_whatever_the_order_of_its_rows():
    parts = split_timeline(log([10, 3, 1, 9, 2, 8, 4, 7, 5, 6]))
    assert times_of(parts) == [[3, 1, 2, 8, 4, 7, 5, 6], [9], [10]]


@pytest.mark.parametrize(
    "times, expected",
    [
        # wanted are cuts after 8 and 9 pairs; 7 and 9 are as near to 8, and the earlier is taken
        ([1, 2, 3, 4, 5, 6, 7, 8, 8, 10], [[1, 2, 3, 4, 5, 6, 7], [8, 8], [10]]),
        # 8 is the only place that is near to both
        ([1, 2, 3, 4, 5, 6, 6, 6, 9, 9], [[1, 2, 3, 4, 5, 6, 6, 6], [], [9, 9]]),
        ([1, 1, 1, 1, 1, 1, 1, 1, 2, 3], [[1] * 8, [2], [3]]),
    ],
)
def test_clicks_of_one_time_stay_together(times, expected):
    assert times_of(split_timeline(log(times))) == expected


def test_a_part_without_a_time_of_its_own_is_refused_with_what_to_do():
    with pytest.raises(
        ValueError,
        match="The validation split must not be empty.*protocol='timeline'.*Clicks of one time stay "
        "together.*choose by='random'",
    ):
        split(log([1, 2, 3, 4, 5, 6, 6, 6, 9, 9]), protocol="timeline")
    with pytest.raises(ValueError, match="The train split must not be empty"):
        split(log([5] * 10), protocol="timeline")


def test_windows_back_moves_all_cuts_and_leaves_out_what_follows():
    whole = log(range(1, 21))
    for windows, first in ((0, 17), (1, 15), (2, 13)):
        parts = split_timeline(whole, windows_back=windows)
        expected = [list(range(1, first)), [first, first + 1], [first + 2, first + 3]]
        assert times_of(parts) == expected


def test_so_many_windows_back_that_nothing_is_left_are_refused():
    assert len(split_timeline(log(range(20)), windows_back=7)[0]) == 2
    with pytest.raises(ValueError, match="leave something to train on.*windows_back=8.*fewer cuts"):
        split_timeline(log(range(20)), windows_back=8)
    with pytest.raises(ValueError, match="`windows_back` must be an integer of at least 0"):
        split_timeline(log(range(20)), windows_back=-1)


def repeated():
    """Ten pairs at times 1 to 10; the first one again at 2, 5 and 10, the ninth again at 10."""
    ids = [*range(10), 0, 0, 0, 8]
    return log([*range(1, 11), 2, 5, 10, 10], ids, ids)


def test_a_pair_that_train_has_is_no_test_pair_and_is_counted():
    whole = split(repeated(), protocol="timeline")
    assert [part.item_id.tolist() for part in (whole.train, whole.validation, whole.test)] == [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [8],
        [9],
    ]
    assert (whole.leaks.total, whole.leaks.merged, whole.leaks.dropped) == (0, 2, 2)
    assert "2 pairs of a later split were left out because an earlier split has them" in str(
        whole.leaks
    )


@pytest.mark.parametrize(
    "repeats, time, weight", [("first", 1, None), ("last", 5, None), ("count", 1, 3), ("sum", 1, 3)]
)
def test_what_a_repeated_pair_becomes_does_not_depend_on_the_future(repeats, time, weight):
    train, _, test = split_timeline(repeated(), repeats=repeats)
    (row,) = np.flatnonzero(train.item_id == 0)
    assert train.timestamp[row] == time
    assert (None if train.weight is None else train.weight[row]) == weight
    assert test.item_id.tolist() == [9]


def test_it_requires_times():
    ids = np.arange(3)
    with pytest.raises(
        ValueError, match="'timeline' requires a `timestamp`.*`timestamp_column`.*protocol='clean'"
    ):
        split(Interactions(ids, ids, ids, ids), protocol="timeline")


def test_a_way_to_split_contradicts_it_and_windows_contradict_the_others():
    with pytest.raises(ValueError, match="`by` must be unset under protocol 'timeline'.*'random'"):
        split(log(range(10)), protocol="timeline", by="random")
    with pytest.raises(ValueError, match="`windows_back` must be 0 unless.*windows_back=1"):
        split(log(range(10)), windows_back=1)


def test_the_test_alone_is_cleaned():
    rated = log(range(20), rating=np.tile([1.0, 5.0], 10))
    whole = split(rated, protocol="timeline", clean_test="rating >= 5")
    assert times_of([whole.validation, whole.test]) == [[16, 17], [19]]


def test_users_and_items_that_are_first_seen_in_the_test_are_counted():
    ids = [0, 1, 2], [0, 1, 2]
    train, validation = log([1, 2, 3], *ids), log([4], [3], [3])
    test = log([5, 6, 7, 8, 9], [0, 3, 4, 4, 5], [3, 4, 4, 0, 5])
    # Users 4 and 5 are new; so are items 4, with two pairs, and 5, with one.
    assert first_seen(train, validation, test) == (2, 2, 3)
    report = check_leaks(train, validation, test, "timeline")
    assert report == LeakReport(new_users=2, new_items=2, new_item_pairs=3)
    assert "First seen in the test: 2 users, and 2 items with 3 of its pairs." in str(report)


def test_the_future_of_others_is_the_mean_over_test_users():
    train = log([10, 20, 30, 40], [0, 1, 2, 3])
    # User 0's first test click is at 25: two of four clicks come later; user 1's at 30, in the very
    # moment of a click that is not after it: one of four. (2/4 + 1/4) / 2 = 3/8.
    test = log([90, 25, 30], [0, 0, 1], [5, 6, 7])
    assert share_after_test(train, test) == pytest.approx(3 / 8)
    nothing = train.take([])
    assert check_leaks(train, nothing, test, "clean").after_test == pytest.approx(3 / 8)
    assert "37.5% of the training clicks lie after" in str(
        check_leaks(train, nothing, test, "clean")
    )


def test_a_split_per_user_has_a_future_of_others_and_a_timeline_has_none():
    rng = np.random.default_rng(0)
    pairs = rng.permutation(10 * 40)[:300]
    whole = Interactions(
        pairs // 40, pairs % 40, np.arange(10), np.arange(40), timestamp=rng.integers(0, 10**6, 300)
    )
    assert 0 < split(whole).leaks.after_test < 0.5
    timeline = split(whole, protocol="timeline")
    assert share_after_test(timeline.train, timeline.test) == 0
    assert timeline.leaks.after_test is None


def test_its_line_says_until_when_each_part_goes():
    whole = split(log(np.arange(10) * DAY), protocol="timeline", name="clicks")
    assert repr(whole).endswith(
        "; train until 1970-01-08, validation until 1970-01-09, test until 1970-01-10"
    )
    assert whole.until["test"] == np.datetime64("1970-01-10")
    assert repr(whole.for_refit()).endswith("items; train until 1970-01-09, test until 1970-01-10")
    assert split(log(np.arange(10)), by="random").until == {}


@pytest.mark.parametrize(
    "seconds, said",
    [
        ([0, DAY], ["1970-01-01", "1970-01-02"]),
        ([0, 60], ["1970-01-01 00:00", "1970-01-01 00:01"]),
        ([0, 1], ["1970-01-01 00:00:00", "1970-01-01 00:00:01"]),
        ([], []),
    ],
)
def test_times_are_said_as_exactly_as_it_takes_to_tell_them_apart(seconds, said):
    assert said_times([np.datetime64(second, "s") for second in seconds]) == said


def test_a_refit_learns_from_all_that_came_before_the_test():
    whole = split(
        log(range(10), weight=np.arange(10.0)), protocol="timeline", clean_test="timestamp >= 9"
    )
    refit = whole.for_refit()
    assert refit.train.weight.tolist() == list(range(9))
    assert (len(refit.validation), refit.test, refit.protocol) == (0, whole.test, "timeline")
    assert (refit.seen().pair_key == np.sort(whole.seen().pair_key)).all()
    assert refit.leaks.new_users == 1


def test_a_leak_is_refused():
    whole = log(range(3))
    with pytest.raises(ValueError, match="`protocol='timeline'` requires that no pair is in two"):
        Split(whole, whole.take([]), whole, "timeline", "x")
