"""The timeline of a whole log: cuts at moments, and what lies on which side of them."""

import logging
from collections.abc import Sequence

import numpy as np

from deca_tf._checks import check_integer
from deca_tf.data import schema
from deca_tf.data._fractions import FRACTIONS, check_fractions, whole_position
from deca_tf.data.interactions import Interactions

logger = logging.getLogger("deca_tf")

_UNITS = ("D", "m", "s")  # the coarsest that tells some moments apart is how they are said


def split_timeline(
    interactions: Interactions,
    fractions: Sequence[float] = FRACTIONS,
    *,
    windows_back: int = 0,
    repeats: str = schema.FIRST,
) -> tuple[Interactions, Interactions, Interactions]:
    """Cuts the whole log at two moments: train before the first, test from the second on.

    The n distinct pairs are put in order of their first click, and the cuts wanted after
    `f_train * n` and `(f_train + f_validation) * n` of them, as in `split_chronological`. Clicks of
    one time stay together: a cut is made between two different times, at the place nearest to the
    one that is wanted, the earlier of two that are as near. Repeated pairs are merged within each
    part, and a pair that an earlier part has is left out of the later ones: what a click is worth
    never depends on what came after the cut.

    Args:
        interactions: `Interactions` with timestamps, repeated pairs or not.
        fractions: shares of train, validation and test, positive, summing to 1.
        windows_back: moves all cuts back by so many test windows, each `f_test * n` long; clicks
            after the test's window are left out. 0: the test is the end of the log.
        repeats: what a repeated pair becomes within a part, see `Interactions.distinct`.

    Returns:
        `(train, validation, test)`, `Interactions` over the same id spaces; possibly empty, where
        there are too few different times.

    Raises:
        ValueError: no timestamps, bad fractions, unknown `repeats`, or so many windows back that
            nothing is left to train on.

    Example:
        >>> clicks = deca_tf.data.synthetic(60, 40, num_clicks=600)
        >>> train, validation, test = split_timeline(clicks)
        >>> bool(train.timestamp.max() < validation.timestamp.min() < test.timestamp.min())
        True

    Stability: provisional.
    """
    return cut_timeline(interactions, fractions, windows_back, repeats)[0]


def cut_timeline(interactions, fractions, windows_back, repeats):
    """`split_timeline` with what it took out: `(parts, merged, dropped)`.

    `merged` counts the rows that were merged within a part, `dropped` the pairs that an earlier
    part has.
    """
    shares = check_fractions(fractions)
    check_integer("windows_back", windows_back, low=0)
    if interactions.timestamp is None:
        raise ValueError(
            "Protocol 'timeline' requires a `timestamp` for every interaction. Received: "
            "timestamp=None. Name the column that holds the time with `timestamp_column`, or "
            "choose protocol='clean'."
        )
    moments = _moments(np.sort(interactions.distinct().timestamp), shares, windows_back)
    side = np.searchsorted(moments, interactions.timestamp, side="right")
    parts, known, merged, dropped = [], np.zeros(0, np.int64), 0, 0
    for number in range(3):
        part = interactions.take(side == number).distinct(repeats)
        new = part.take(~np.isin(part.pair_key, known))
        merged, dropped = merged + part.num_merged, dropped + len(part) - len(new)
        known = np.concatenate([known, new.pair_key])
        parts.append(new)
    if merged:
        logger.warning(
            "Merged %d repeated (user, item) pairs of %d rows; %s. Train, validation and test merge "
            "their own.",
            merged,
            len(interactions),
            schema.MERGED[repeats],
        )
    return tuple(parts), merged, dropped


def _moments(times, shares, windows_back):
    """The times at which validation, test and what follows it begin; the last may be missing.

    Args:
        times: of each pair's first click, rising, int64 `(n,)`.
        shares: of train, validation and test.
        windows_back: test windows between the test and the end.
    """
    end = 1 - windows_back * shares[2]
    wanted = [end - shares[2] - shares[1], end - shares[2], *([end] if windows_back else [])]
    wanted = [whole_position(share, len(times)) for share in wanted]
    if wanted[0] < 1:
        raise ValueError(
            "The cuts must leave something to train on before the first of them. Received: "
            f"windows_back={windows_back}, with validation and test windows of "
            f"{shares[1]:g} and {shares[2]:g} of {len(times):,} pairs. Choose fewer cuts, or "
            "smaller windows by `fractions`."
        )
    places = np.flatnonzero(times[1:] != times[:-1]) + 1  # where a cut parts no equal times
    if not len(places):
        return times[:1]
    return times[[places[np.argmin(np.abs(places - place))] for place in wanted]]


def is_timed(*parts):
    """Whether all of some `Interactions` that have rows say when they were."""
    return all(part.timestamp is not None for part in parts if len(part))


def share_after_test(train, test):
    """How much of train a user's test click did not have to wait for: the future of other users.

    For each user of the test: the share of all training clicks that lie after the user's first test
    click. Of these the mean, in [0, 1]. It is 0 on a timeline.

    Args:
        train, test: `Interactions` with timestamps and rows.
    """
    order = np.argsort(test.timestamp, kind="stable")
    _, first = np.unique(test.user_id[order], return_index=True)
    times = np.sort(train.timestamp)
    before = np.searchsorted(times, test.timestamp[order][first], side="right")
    return float(1 - before.mean() / len(times))


def first_seen(train, validation, test):
    """What no model can know before the test.

    Returns:
        `(users, items, pairs)`: how many users and items of the test have no pair in train or
        validation, and how many pairs of the test are on such items.
    """
    pairs = test.item_popularity()
    is_new = [
        (getattr(train, count)() + getattr(validation, count)() == 0) & (getattr(test, count)() > 0)
        for count in ("user_activity", "item_popularity")
    ]
    return (*(int(new.sum()) for new in is_new), int(pairs[is_new[1]].sum()))


def last_times(parts):
    """The time of the last click of each part that has any.

    Args:
        parts: `{name: Interactions with timestamps}`, one after the other.

    Returns:
        `{name: NumPy datetime64[s]}`.
    """
    return {
        name: np.datetime64(int(part.timestamp.max()), "s")
        for name, part in parts.items()
        if len(part)
    }


def said_times(times):
    """Moments as text, each as exact as it takes to tell them apart: days, minutes or seconds.

    Args:
        times: NumPy datetime64[s], rising.

    Returns:
        A list of strings, in UTC.
    """
    for unit in _UNITS:
        said = [np.datetime_as_string(time, unit=unit).replace("T", " ") for time in times]
        if len(set(said)) == len(said):
            break
    return said
