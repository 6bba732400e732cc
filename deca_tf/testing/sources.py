"""What every source of data keeps."""

import os
from typing import Any

import numpy as np

from deca_tf.data import Interactions, Split, schema
from deca_tf.data.sources import find
from deca_tf.data.splitters import RANDOM, split
from deca_tf.testing._expect import expect, expect_equal


def check_source(
    source: Any,
    *,
    options: dict[str, Any] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> None:
    """Checks that a source keeps its contract: reads it twice, and splits it.

    Args:
        source: a module, class or other object with `load` or `load_split`, or its name among
            `SOURCES`, or "package.module:Name".
        options: of its function, `{name: value}`: smaller sizes, a column's name.
        data_dir: folder of its files, if it reads any.

    Raises:
        AssertionError: in a sentence, what is not kept.

    Example:
        >>> check_source("synthetic", options={"num_users": 60, "num_items": 50, "num_clicks": 900})

    Stability: provisional.
    """
    module, name = find(source) if isinstance(source, str) else (source, "source")
    kinds = [kind for kind in ("load", "load_split") if callable(getattr(module, kind, None))]
    expect(kinds, f"A source must have a function `load` or `load_split`. Received: {source!r}.")
    _check_declarations(module, options or {})
    for kind in kinds:
        given = {"data_dir": data_dir, **(options or {})}
        if kind == "load_split":
            given["protocol"] = schema.CLEAN
        first, again = (getattr(module, kind)(name, seed=1, **given) for _ in range(2))
        if kind == "load":
            _check_interactions(first, again, "`load`")
            _check_clean_test(module, first)
        else:
            _check_split(first, again)


def _check_declarations(module, options):
    known = getattr(module, "OPTIONS", ())
    expect(
        isinstance(known, tuple) and all(isinstance(option, str) for option in known),
        f"`OPTIONS` must be a tuple of names: {known!r}.",
    )
    unknown = set(options) - set(known)
    expect(not unknown, f"`OPTIONS` must name all options. It lacks: {sorted(unknown)}.")


def _check_interactions(interactions, again, where):
    expect(
        isinstance(interactions, Interactions),
        f"{where} must give `Interactions`. Received: {type(interactions).__name__}.",
    )
    expect(len(interactions), f"{where} must give clicks. Received: none.")
    expect(
        len(np.unique(interactions.pair_key)) == len(interactions),
        f"{where} must give each pair once: `interactions.distinct()` merges repeated ones.",
    )
    for size in ("raw_user_ids", "raw_item_ids"):
        raw = getattr(interactions, size)
        expect(len(np.unique(raw)) == len(raw), f"`{size}` must be distinct in {where}.")
        expect_equal_ids(raw, getattr(again, size), f"{where} must give equal `{size}` each time.")
    for column in schema.COLUMNS:
        one, other = getattr(interactions, column), getattr(again, column)
        expect((one is None) == (other is None), f"{where} must give equal columns each time.")
        if one is not None:
            expect_equal(one, other, f"Equal seeds must give an equal `{column}` in {where}.")


def expect_equal_ids(raw, again, sentence):
    """Of strings, whose difference is no number."""
    expect(np.array_equal(raw, again), sentence)


def _check_clean_test(module, interactions):
    rule = getattr(module, "CLEAN_TEST", None)
    parts = split(interactions, by=RANDOM, clean_test=rule, name="source")
    expect(len(parts.train), "A split must leave clicks to train on. Received: too few clicks.")
    expect(len(parts.test), f"The rule CLEAN_TEST must leave rows to test on: {rule!r}.")


def _check_split(parts, again):
    expect(
        isinstance(parts, Split),
        f"`load_split` must give a `Split`. Received: {type(parts).__name__}.",
    )
    expect(
        parts.protocol == schema.CLEAN,
        f"`load_split` must give the protocol that it is asked for: {parts.protocol!r}.",
    )
    for name in ("train", "validation", "test"):
        expect(len(getattr(parts, name)), f"`load_split` must give rows in {name}.")
    expect(
        parts.fingerprint == again.fingerprint, "`load_split` must give the same split each time."
    )
