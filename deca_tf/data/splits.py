"""Split: train, validation and test over the same ids, with every leak between them counted."""

import dataclasses
import functools
import hashlib
import os

import numpy as np

from deca_tf._checks import check_choice
from deca_tf.data import schema
from deca_tf.data.interactions import Interactions
from deca_tf.data.timeline import (
    first_seen,
    is_timed,
    last_times,
    said_times,
    share_after_test,
)


@dataclasses.dataclass(frozen=True)
class LeakReport:
    """How many distinct pairs two splits share, and what was taken out to keep them apart.

    Where there are times, also what only the future knew.

    Args:
        train_validation: distinct pairs in both train and validation.
        train_test: distinct pairs in both train and test.
        validation_test: distinct pairs in both validation and test.
        merged: repeated pairs that were merged within a split or on reading.
        dropped: pairs of a later split left out because an earlier split has them.
        after_test: share of the training clicks that lie after a test user's first test click, the
            mean over these users, in [0, 1]: what a model learns from the future of other users.
            None under 'timeline', where it is 0, under 'paper', and where there are no times.
        new_users, new_items: under 'timeline', users and items of the test that neither train nor
            validation has; else None.
        new_item_pairs: pairs of the test on such items, which no model can find; else None.

    Stability: stable.
    """

    train_validation: int = 0
    train_test: int = 0
    validation_test: int = 0
    merged: int = 0
    dropped: int = 0
    after_test: float | None = None
    new_users: int | None = None
    new_items: int | None = None
    new_item_pairs: int | None = None

    @property
    def total(self) -> int:
        """All overlaps together; 0 means that nothing leaks."""
        return self.train_validation + self.train_test + self.validation_test

    def __str__(self):
        overlaps = (
            f"{self.train_validation:,} pairs are in both train and validation, "
            f"{self.train_test:,} in both train and "
            f"test, {self.validation_test:,} in both validation and test"
        )
        said = overlaps if self.total else "No pair is in two splits"
        if self.merged:
            said += f"; {self.merged:,} repeated pairs were merged"
        if self.dropped:
            said += (
                f"; {self.dropped:,} pairs of a later split were left out because an earlier split "
                "has them"
            )
        said += "."
        if self.after_test is not None:
            said += (
                f" {self.after_test:.1%} of the training clicks lie after a test user's first test "
                "click, the mean over these users: the future of others, which protocol 'timeline' "
                "keeps out."
            )
        if self.new_users is not None:
            said += (
                f" First seen in the test: {self.new_users:,} users, and {self.new_items:,} items "
                f"with {self.new_item_pairs:,} of its pairs."
            )
        return said


@dataclasses.dataclass(frozen=True)
class Split:
    """Three sets of interactions over the same id spaces.

    Args:
        train: what the model learns from; its weights, where there are any, are used in training.
        validation: what training is watched with, noise included. Ranking metrics look at no
            weight, here and in the test.
        test: what the model is evaluated on.
        protocol: 'clean' (no pair in two of them), 'timeline' (nor anything to learn from that came
            after the test began) or 'paper' (the released code's, leaks included).
        name: the data set's name, for reports.
        leaks: what `check_leaks` counted; None: it is counted here.
        refit_of: the split whose train and validation are this one's train, see `for_refit`; None:
            it is none of these.

    Raises:
        ValueError: different id spaces, an unknown protocol, or a leak under 'clean' or 'timeline'.

    Stability: stable.
    """

    train: Interactions
    validation: Interactions
    test: Interactions
    protocol: str
    name: str
    leaks: LeakReport | None = None
    refit_of: "Split | None" = None

    def __post_init__(self):
        check_choice("protocol", self.protocol, schema.PROTOCOLS)
        if self.leaks is None:
            leaks = check_leaks(self.train, self.validation, self.test, self.protocol)
            object.__setattr__(self, "leaks", leaks)
        else:
            _check_id_spaces(self.train, self.validation, self.test)
            _refuse_leaks(self.leaks, self.protocol)

    def __repr__(self):
        said = (
            f"{self.name}, protocol {self.protocol}: {len(self.train):,} pairs to train on, "
            f"{len(self.validation):,} "
            f"to validate, {len(self.test):,} to test, over {self.num_users:,} users and "
            f"{self.num_items:,} items"
        )
        until = self.until
        times = zip(until, said_times(until.values()), strict=True)
        return "; ".join(
            [said, *([", ".join(f"{part} until {time}" for part, time in times)] if until else [])]
        )

    @property
    def num_users(self) -> int:
        """Size of the user id space."""
        return self.train.num_users

    @property
    def num_items(self) -> int:
        """Size of the item id space."""
        return self.train.num_items

    @property
    def until(self) -> dict[str, np.datetime64]:
        """Under 'timeline' the time of each part's last click, `{"train": datetime64[s], ...}`.

        A part without clicks has none, and under another protocol none has.
        """
        parts = {name: getattr(self, name) for name in schema.PARTS}
        is_cut = self.protocol == schema.TIMELINE and is_timed(*parts.values())
        return last_times(parts) if is_cut else {}

    def for_refit(self) -> "Split":
        """The same test, with all that came before it to train on.

        What is learned last, once the validation has chosen how: a model that is tested, or
        shipped, a validation's length too old has missed what is new.

        Returns:
            A `Split` whose train is train and validation, in this order, whose validation is empty,
            and whose `refit_of` is this one.

        Raises:
            ValueError: train is in shards that are streamed.

        Example:
            >>> whole = split.for_refit()
            >>> len(whole.train) == len(split.train) + len(split.validation), len(whole.validation)
            (True, 0)

        Stability: provisional.
        """
        train, nothing = self.train.followed_by(self.validation), self.validation.take([])
        counted = self.leaks or LeakReport()
        taken_out = {"merged": counted.merged, "dropped": counted.dropped}
        leaks = check_leaks(train, nothing, self.test, self.protocol, **taken_out)
        return Split(train, nothing, self.test, self.protocol, self.name, leaks, refit_of=self)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of what a model learns from and what its rows stand for.

        That is the pairs of train, their weights where there are any, and the raw ids.
        """
        digest = hashlib.sha256()
        for keys in self.train.sorted_pair_keys():
            digest.update(keys.tobytes())
        if self.train.weight is not None:
            order = np.argsort(self.train.pair_key, kind="stable")
            digest.update(self.train.weight[order].tobytes())
        for raw_ids in (self.train.raw_user_ids, self.train.raw_item_ids):
            digest.update("\n".join(map(str, raw_ids.tolist())).encode())
        return digest.hexdigest()

    def seen(self) -> Interactions:
        """The distinct pairs of train and validation, which ranking masks."""
        pairs = Interactions(
            user_id=np.concatenate([self.train.user_id, self.validation.user_id]),
            item_id=np.concatenate([self.train.item_id, self.validation.item_id]),
            raw_user_ids=self.train.raw_user_ids,
            raw_item_ids=self.train.raw_item_ids,
        )
        return dataclasses.replace(pairs.distinct(), num_merged=0)


def check_leaks(
    train: Interactions,
    validation: Interactions,
    test: Interactions,
    protocol: str,
    merged: int = 0,
    dropped: int = 0,
) -> LeakReport:
    """Counts the distinct pairs that any two splits share, and refuses them but under 'paper'.

    Args:
        train, validation, test: `Interactions` over the same id spaces.
        protocol: 'clean', 'timeline' or 'paper'.
        merged, dropped: passed on to the report.

    Returns:
        A `LeakReport`.

    Raises:
        ValueError: a pair is in two splits and `protocol` is not 'paper', or the id spaces differ.

    Stability: stable.
    """
    check_choice("protocol", protocol, schema.PROTOCOLS)
    _check_id_spaces(train, validation, test)
    keys = [_distinct(part.pair_key) for part in (train, validation, test)]
    train_validation, train_test, validation_test = (
        _count_shared(keys[a], keys[b]) for a, b in ((0, 1), (0, 2), (1, 2))
    )
    after_test, new = None, (None, None, None)
    if protocol == schema.TIMELINE:
        new = first_seen(train, validation, test)
    elif protocol == schema.CLEAN and len(train) and len(test) and is_timed(train, test):
        after_test = share_after_test(train, test)
    shared = (train_validation, train_test, validation_test)
    report = LeakReport(*shared, merged, dropped, after_test, *new)
    _refuse_leaks(report, protocol)
    return report


def _distinct(keys):
    """Each once, rising: as `np.unique`, whose hash table takes ten times as long on millions."""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys


def _count_shared(keys, others):
    """How many of some keys are in others, both distinct and rising."""
    position = np.searchsorted(keys, others)
    return (
        int(np.count_nonzero(keys[np.minimum(position, len(keys) - 1)] == others))
        if len(keys)
        else 0
    )


def _refuse_leaks(report, protocol):
    if protocol != schema.PAPER and report.total:
        raise ValueError(
            f"`protocol={protocol!r}` requires that no pair is in two splits. Received: {report} Merge "
            "repeated pairs "
            "first (`interactions.distinct()`), take each split's pairs out of the later ones, or, "
            "to compare with "
            "the published tables only, use protocol='paper'."
        )


def _check_id_spaces(*parts):
    """Refuses parts in which an id does not mean the same user or item."""
    for part in parts[1:]:
        for name in ("raw_user_ids", "raw_item_ids"):
            first, other = getattr(parts[0], name), getattr(part, name)
            if first is not other and not np.array_equal(first, other):
                raise ValueError(
                    "`train`, `validation` and `test` must share their id spaces, so that an id "
                    "means the same "
                    f"everywhere. Received: different `{name}`, of {len(first):,} and "
                    f"{len(other):,} ids. Take all "
                    "three from one `Interactions`."
                )


def check_split(split):
    """Refuses what is no `Split`, nor made like one, such as a part of it.

    Raises:
        TypeError: saying what came.
    """
    if hasattr(split, "train") and hasattr(split, "seen"):
        return
    received = f"{split!r}" if isinstance(split, str | os.PathLike) else type(split).__name__
    remedy = "Read a table by `deca_tf.load_split(table, user_column=..., item_column=...)`."
    if isinstance(split, Interactions) or hasattr(split, "sorted_pair_keys"):
        remedy = "Give it the whole split."
    raise TypeError(
        f"`split` must be a Split, what `deca_tf.load_split` gives. Received: {received}. {remedy}"
    )
