"""Ways to split interactions into train, validation and test.

Validation keeps the noise a real user would have. Only the test may be cleaned, by a rule on its
own rows such as `"rating >= 5"`; ratings, dwell times and the truth about noise never filter what
is trained or validated on.
"""

import operator
import re
from collections.abc import Sequence

import numpy as np

from deca_tf._checks import check_choice, did_you_mean
from deca_tf.data import schema
from deca_tf.data._fractions import FRACTIONS, check_fractions, whole_position
from deca_tf.data.interactions import Interactions
from deca_tf.data.splits import Split, check_leaks
from deca_tf.data.timeline import cut_timeline

CHRONOLOGICAL_PER_USER = "chronological-per-user"
CHRONOLOGICAL_GLOBAL = "chronological-global"
RANDOM = "random"
HASH = "hash"
WAYS = (CHRONOLOGICAL_PER_USER, CHRONOLOGICAL_GLOBAL, RANDOM, HASH)

_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_RULE = re.compile(r"\s*([A-Za-z_]\w*)\s*(>=|<=|==|>|<)\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*")


def split(
    interactions: Interactions,
    *,
    by: str | None = None,
    protocol: str = schema.CLEAN,
    fractions: Sequence[float] = FRACTIONS,
    clean_test: str | None = None,
    seed: int = 0,
    name: str = "table",
    windows_back: int = 0,
    repeats: str = schema.FIRST,
) -> Split:
    """Splits interactions into train, validation and test.

    Args:
        interactions: `Interactions` without repeated pairs; under 'timeline' there may be some.
        by: under 'clean': 'chronological-per-user' (the end of each user's history is held out),
            'chronological-global' (the end of the whole log), 'random' or 'hash'; None: the first.
            Under 'timeline' there is one way, and it is None.
        protocol: 'clean', or 'timeline', which cuts as `deca_tf.data.split_timeline` does.
        fractions: shares of train, validation and test, positive, summing to 1.
        clean_test: rule such as `"rating >= 5"` that the test's rows must meet, or None to keep
            them all. Train and validation are never filtered.
        seed: for 'random' and 'hash' only: same seed, same split.
        name: the data set's name, for reports.
        windows_back, repeats: for 'timeline' only, see `deca_tf.data.split_timeline`.

    Returns:
        A `Split`; each part keeps its rows in their original order.

    Raises:
        ValueError: an unknown way or protocol, bad fractions, no timestamps for a split in time, a
            bad rule, repeated pairs, or a part that comes out empty.

    Stability: stable.
    """
    check_choice("protocol", protocol, (schema.CLEAN, schema.TIMELINE))
    merged, dropped = interactions.num_merged, 0
    if protocol == schema.TIMELINE:
        if by is not None:
            refuse_way("by", by)
        parts, more, dropped = cut_timeline(interactions, fractions, windows_back, repeats)
        merged += more
    else:
        _refuse_windows(windows_back)
        by = check_choice("by", CHRONOLOGICAL_PER_USER if by is None else by, WAYS)
        parts = _parts(interactions, by, fractions, seed)
    train, validation, test = parts
    if clean_test is not None and len(test):
        num_rows = len(test)
        test = test.take(clean_test_mask(test, clean_test))
        if not len(test):
            raise ValueError(
                f"The test split must not be empty. Received: {num_rows:,} rows of it, none of "
                f"which meets clean_test={clean_test!r}. Loosen the `clean_test` rule."
            )
    for part, rows in (("train", train), ("validation", validation), ("test", test)):
        if not len(rows):
            raise ValueError(
                f"The {part} split must not be empty. Received: {len(interactions):,} "
                f"interactions, {_said_way(by, protocol)}, "
                f"fractions={tuple(fractions)}. {_remedy(by, protocol)}"
            )
    leaks = check_leaks(train, validation, test, protocol, merged=merged, dropped=dropped)
    return Split(train, validation, test, protocol=protocol, name=name, leaks=leaks)


def _parts(interactions, by, fractions, seed):
    """Train, validation and test of a way under 'clean'."""
    if by == RANDOM:
        return split_random(interactions, fractions, seed)
    if by == HASH:
        return split_hash(interactions, fractions, seed)
    per = "user" if by == CHRONOLOGICAL_PER_USER else "global"
    return split_chronological(interactions, fractions, per=per)


def refuse_way(name, by):
    """Refuses a way to split under 'timeline', which has one; `name` is the argument's."""
    raise ValueError(
        f"`{name}` must be unset under protocol 'timeline', which cuts the whole log in time. "
        f"Received: {name}={by!r}. Leave it out, or choose protocol='clean'."
    )


def _refuse_windows(windows_back):
    if windows_back:
        raise ValueError(
            "`windows_back` must be 0 unless the protocol is 'timeline'. Received: "
            f"windows_back={windows_back!r}. Leave it out, or choose protocol='timeline'."
        )


def _said_way(by, protocol):
    return f"protocol={protocol!r}" if by is None else f"by={by!r}"


def _remedy(by, protocol):
    """What to do about a part that is empty."""
    if protocol == schema.TIMELINE:
        return (
            "Clicks of one time stay together: bring clicks of more different times, give it a "
            f"larger share, or choose by={RANDOM!r}, which looks at no times."
        )
    other = "" if by == RANDOM else f", or choose by={RANDOM!r}"
    return f"Give it a larger share, bring more interactions per user{other}."


def split_chronological(
    interactions: Interactions, fractions: Sequence[float] = FRACTIONS, per: str = "user"
) -> tuple[Interactions, Interactions, Interactions]:
    """Train on the past, validate on what follows, test on the end.

    The n rows of a user (or of the log) are put in order of time, equal times in order of row, and
    cut at `round(f_train * n)` and `round((f_train + f_validation) * n)`, halves upwards. Every row
    falls into exactly one part. With 8:1:1 a user of 1 or 2 rows is all train, one of 3 to 5 has a
    validation row and no test row, and one of 6 or more has a test row.

    Args:
        interactions: `Interactions` with timestamps.
        fractions: shares of train, validation and test, positive, summing to 1.
        per: 'user' cuts each user's own history, 'global' the whole log at two moments.

    Returns:
        `(train, validation, test)`, `Interactions` over the same id spaces; possibly empty.

    Raises:
        ValueError: no timestamps, bad fractions or an unknown `per`.

    Stability: stable.
    """
    check_choice("per", per, ("user", "global"))
    if interactions.timestamp is None:
        raise ValueError(
            "A chronological split requires a `timestamp` for every interaction. Received: "
            "timestamp=None. Name the "
            "column that holds the time with `timestamp_column`, or split by='random'."
        )
    n = len(interactions)
    if per == "global":
        return _cut(
            interactions,
            np.argsort(interactions.timestamp, kind="stable"),
            np.arange(n),
            n,
            fractions,
        )
    order = np.lexsort((interactions.timestamp, interactions.user_id))
    length = interactions.user_activity()
    start = np.cumsum(length) - length
    owner = interactions.user_id[order]
    return _cut(interactions, order, np.arange(n) - start[owner], length[owner], fractions)


def split_random(
    interactions: Interactions, fractions: Sequence[float] = FRACTIONS, seed: int = 0
) -> tuple[Interactions, Interactions, Interactions]:
    """Puts each row into train, validation or test by one seeded shuffle of all rows.

    Args:
        interactions: `Interactions`.
        fractions: shares of train, validation and test, positive, summing to 1; cut as in
            `split_chronological`.
        seed: integer; same seed, same split.

    Returns:
        `(train, validation, test)`, `Interactions` over the same id spaces; possibly empty.

    Raises:
        ValueError: bad fractions.

    Stability: stable.
    """
    n = len(interactions)
    return _cut(
        interactions, np.random.default_rng(seed).permutation(n), np.arange(n), n, fractions
    )


def split_hash(
    interactions: Interactions, fractions: Sequence[float] = FRACTIONS, seed: int = 0
) -> tuple[Interactions, Interactions, Interactions]:
    """Puts each row into train, validation or test by a hash of its user's and its item's raw ids.

    A pair stays in its part as the data grows, whatever comes before it and wherever it is read.
    The shares are met on average, not exactly.

    Args:
        interactions: `Interactions`.
        fractions: shares of train, validation and test, positive, summing to 1.
        seed: integer, at least 0; same seed, same split.

    Returns:
        `(train, validation, test)`, `Interactions` over the same id spaces; possibly empty.

    Raises:
        ValueError: bad fractions.

    Stability: stable.
    """
    user = _hashes(interactions.raw_user_ids, interactions.user_id)
    item = _hashes(interactions.raw_item_ids, interactions.item_id)
    position = _mixed(user ^ _mixed(item + np.uint64(seed))) / 2.0**64
    n = len(interactions)
    return _cut(interactions, np.arange(n), position, np.ones(n), fractions, whole=False)


def _hashes(raw_ids, ids):
    """A 64-bit hash of each row's raw id as text, the same on every machine: uint64 `(n,)`."""
    import pandas

    used, place = np.unique(ids, return_inverse=True)
    texts = raw_ids[used].astype(str).astype(object)
    return pandas.util.hash_array(texts, categorize=False)[place]


def _mixed(numbers):
    """Numbers whose bits all depend on all bits of those given, uint64 `(n,)`.

    The end of SplitMix64 (Steele, 2014).
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def clean_test_mask(interactions: Interactions, rule: str) -> np.ndarray:
    """Which rows meet a rule such as `"rating >= 5"`, `"dwell >= 10"` or `"is_noisy == 0"`.

    Args:
        interactions: `Interactions` that has the rule's column.
        rule: `column operator number`, the column one of rating, dwell, timestamp, is_noisy, the
            operator one of `>=`, `>`, `==`, `<=`, `<`.

    Returns:
        bool `(n,)`.

    Raises:
        TypeError: the rule is not a string.
        ValueError: the rule cannot be read, or its column is unknown or absent.
    """
    column, compare, number = parse_rule(rule)
    values = getattr(interactions, column)
    if values is None:
        present = [
            name for name in schema.OPTIONAL_COLUMNS if getattr(interactions, name) is not None
        ]
        raise ValueError(
            "`clean_test` must name a column that the data has "
            f"({', '.join(present) or 'it has none'}). "
            f"Received: clean_test={rule!r}. Name the table's column with `{column}_column`, or "
            "use another rule."
        )
    return compare(values, number)


def parse_rule(rule):
    """A rule of `clean_test` as `(column, comparison, number)`, for `clean_test_mask`.

    Raises:
        TypeError: the rule is not a string.
        ValueError: the rule cannot be read, or its column is unknown.
    """
    if not isinstance(rule, str):
        raise TypeError(
            f"`clean_test` must be a string such as 'rating >= 5'. Received: clean_test={rule!r}."
        )
    parsed = _RULE.fullmatch(rule)
    if parsed is None:
        raise ValueError(
            "`clean_test` must read `column operator number`, the operator one of "
            f"{', '.join(_COMPARE)}. "
            f"Received: clean_test={rule!r}. Write for example 'rating >= 5'."
        )
    column, compare, number = parsed.groups()
    if column not in schema.OPTIONAL_COLUMNS:
        raise ValueError(
            f"`clean_test` must name one of the columns {', '.join(schema.OPTIONAL_COLUMNS)}. "
            f"Received: clean_test={rule!r}.{did_you_mean(column, schema.OPTIONAL_COLUMNS)}"
        )
    return column, _COMPARE[compare], float(number)


def _cut(interactions, order, position, length, fractions, whole=True):
    """Cuts rows `order`, at `position` of `length` in their history, into three `Interactions`.

    The cuts are at whole positions, unless `whole` is false.
    """
    shares = check_fractions(fractions)
    cuts = (shares[0], shares[0] + shares[1])
    first, second = (whole_position(cut, length) if whole else length * cut for cut in cuts)
    part = np.empty(len(interactions), np.int8)
    part[order] = (position >= first).astype(np.int8) + (position >= second)
    return tuple(interactions.take(part == number) for number in range(3))
