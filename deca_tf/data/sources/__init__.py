"""Where interactions come from: one row per data set, one file per kind of source.

A source is a module with `load(name, *, data_dir, seed, **options) -> Interactions`, or, where the
data comes already split, `load_split(name, *, protocol, data_dir, seed, **options) -> Split`. If it
has options, it states their names in `OPTIONS`; `CLEAN_TEST` is the rule that makes its test clean
where the user names none. It may have `protocol_of(name, **options)`, the protocol where the user
names none, else 'clean'; and, if its `load` merges repeated pairs as an option `repeats` says, a
`load_rows` with the other options, which merges none. To add one: write the module, add a row to
`SOURCES`. Whoever has one in another package names it, "package.module:Name": a class or other
object with the same attributes.
"""

from __future__ import annotations

import fnmatch
import importlib
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deca_tf._checks import check_choice, did_you_mean
from deca_tf._registry import Row, is_own, load_own
from deca_tf.data import schema
from deca_tf.data.interactions import Interactions
from deca_tf.data.sources._table_files import KINDS
from deca_tf.data.splits import Split
from deca_tf.data.splitters import CHRONOLOGICAL_PER_USER, FRACTIONS, RANDOM, split

if TYPE_CHECKING:
    import pandas as pd

SOURCES = {  # rows whose `where` is a module of this folder
    "ml-100k": Row(
        "deca_release", "MovieLens-100k, movies with stars, as released with the paper."
    ),
    "modcloth": Row("deca_release", "ModCloth, clothes with stars, as released with the paper."),
    "adressa": Row("deca_release", "Adressa, news with dwell times, as released with the paper."),
    "electronics": Row(
        "deca_release", "Electronics with stars, the largest set released with the paper."
    ),
    "electronics-sample": Row(
        "deca_release",
        "A small sample of Electronics over its ids, never to be compared with the paper.",
    ),
    "movielens/*-ratings": Row(
        "movielens", "MovieLens by TensorFlow Datasets, 100k-ratings to 25m-ratings, unsplit."
    ),
    "ml-100k-raw": Row("movielens", "MovieLens-100k's own file u.data, unsplit."),
    "shards": Row(
        "shards",
        "A folder of TFRecords, written by the pipelines or by `deca_tf.data.write_shards`.",
    ),
    "synthetic": Row(
        "synthetic", "Clicks drawn from a documented model, with the truth about each."
    ),
}
OWN_ARGUMENTS = {  # which a misspelled option may have been meant for
    "load": ("seed", "data_dir"),
    "load_split": (
        *("by", "fractions", "clean_test", "seed", "protocol", "data_dir", "windows_back"),
    ),
}
TABLE_FILES = (
    "FILE.csv",
    Row(
        "tables", "Your own clicks: .csv, .tsv (also .gz), .parquet, or any text with a separator."
    ),
)


def load_split(
    dataset: str | os.PathLike[str] | pd.DataFrame,
    *,
    protocol: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    by: str | None = None,
    fractions: Sequence[float] | None = None,
    clean_test: str | None = None,
    windows_back: int = 0,
    **options: Any,
) -> Split:
    """Any data set, split and ready to train on.

    Args:
        dataset: a name from `SOURCES`, the path of a CSV, TSV, Parquet or other text file, a
            pandas DataFrame, or "package.module:Name" of a source of your own.
        protocol: 'timeline', where clicks have times: train on what came first, validate on what
            followed, test on the end; 'clean', which splits by `by`; or 'paper' for the released
            data sets that have it. None: 'timeline' for a table with times, unless `by` says how
            to split; else 'clean'.
        data_dir: folder with the public data sets; None: the environment variable DECA_TF_DATA_DIR,
            else download.
        seed: of a random split and of synthetic data. The released splits are fixed.
        by: how to split under 'clean' what comes unsplit, see `deca_tf.data.split`. None:
            'chronological-per-user' where there are timestamps, else 'random'.
        fractions: shares of train, validation and test; None: 8:1:1.
        clean_test: rule for the test's rows such as `"rating >= 5"`; None: the source's own
            (MovieLens: 'rating >= 5', synthetic: 'is_noisy == 0', tables: none); "" : no rule.
        windows_back: under 'timeline', test windows between the test and the end of the log, see
            `deca_tf.data.split_timeline`.
        **options: the source's own: those of `deca_tf.data.sources.tables.load` for tables, sizes
            for `synthetic`, the `folder` of `shards`.

    Returns:
        A `Split`, which says its protocol.

    Raises:
        ValueError, TypeError, FileNotFoundError: each says what is required, what came and what to
            do.

    Example:
        >>> split = load_split("synthetic", num_users=60, num_items=40, num_clicks=600)
        >>> split.num_users, split.num_items, split.protocol
        (60, 40, 'clean')

    Stability: stable.
    """
    module, name = find(dataset)
    protocol = protocol_of(dataset, protocol=protocol, by=by, **options)
    if hasattr(module, "load_split"):
        given = {
            "by": by,
            "fractions": fractions,
            "clean_test": clean_test,
            "windows_back": windows_back or None,
            **options,
        }
        _refuse_options(module, name, given)
        return module.load_split(name, protocol=protocol, data_dir=data_dir, seed=seed, **options)
    if protocol == schema.PAPER:
        raise ValueError(
            "`protocol='paper'` exists only for the data sets released with the paper: 'ml-100k', "
            "'modcloth', "
            f"'adressa'. Received: dataset={name!r}. Use protocol='clean'."
        )
    repeats = schema.FIRST
    if protocol == schema.TIMELINE and hasattr(module, "load_rows"):
        options = dict(options)
        repeats = check_choice("repeats", options.pop("repeats", repeats), schema.REPEATS)
        interactions = _load(
            module, dataset, name, data_dir, seed, options, "load_split", module.load_rows
        )
    else:
        interactions = _load(module, dataset, name, data_dir, seed, options, "load_split")
    if protocol == schema.CLEAN and by is None:
        by = RANDOM if interactions.timestamp is None else CHRONOLOGICAL_PER_USER
    rule = getattr(module, "CLEAN_TEST", None) if clean_test is None else clean_test or None
    return split(
        interactions,
        by=by,
        protocol=protocol,
        fractions=FRACTIONS if fractions is None else fractions,
        clean_test=rule,
        seed=seed,
        name=name,
        windows_back=windows_back,
        repeats=repeats,
    )


def protocol_of(
    dataset: str | os.PathLike[str] | pd.DataFrame,
    *,
    protocol: str | None = None,
    by: str | None = None,
    **options: Any,
) -> str:
    """The protocol that `load_split` takes: of a table at most the header is read for it.

    Args:
        dataset, protocol, by, **options: as for `load_split`.

    Returns:
        One of `schema.PROTOCOLS`.

    Raises:
        ValueError, TypeError, FileNotFoundError: as `load_split`.

    Stability: provisional.
    """
    if protocol is not None:
        return check_choice("protocol", protocol, schema.PROTOCOLS)
    module, name = find(dataset)
    if by is not None or not hasattr(module, "protocol_of"):
        return schema.CLEAN
    _check_options(module, name, options, "load_split")
    return module.protocol_of(dataset, **options)


def _refuse_options(module, name, given):
    """Refuses what says how to split, where the data come already split."""
    own = getattr(module, "OPTIONS", ())
    refused = {key: value for key, value in given.items() if value is not None and key not in own}
    if refused:
        known = ", ".join(f"`{option}`" for option in ("protocol", *own)) + (
            " and `data_dir`" if not own else ""
        )
        raise ValueError(
            f"{name!r} comes already split, so it takes {known} only. Received: "
            f"{', '.join(f'{key}={value!r}' for key, value in refused.items())}. Leave these "
            "out."
        )


def load(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> Interactions:
    """Interactions that come unsplit: tables, MovieLens, synthetic clicks.

    Args:
        source: a name from `SOURCES`, the path of a CSV, TSV, Parquet or other text file, or a
            pandas DataFrame.
        data_dir: as for `load_split`.
        seed: of synthetic data.
        **options: the source's own: those of `deca_tf.data.sources.tables.load` for tables, sizes
            for `synthetic`.

    Returns:
        `Interactions`.

    Raises:
        ValueError: among others, the data set comes already split.

    Stability: stable.
    """
    module, name = find(source)
    if not hasattr(module, "load"):
        raise ValueError(
            f"{name!r} comes already split. Received: source={name!r}. Use `load_split({name!r})`, "
            "which has `.train`, "
            "`.validation` and `.test`."
        )
    return _load(module, source, name, data_dir, seed, options)


def find(source):
    """The module that reads a source, or another package's object, and the source's name.

    The name is for reports.
    """
    if is_own(source):
        return _own(source), source
    if isinstance(source, str):
        for pattern, row in SOURCES.items():
            if fnmatch.fnmatchcase(source, pattern):
                return importlib.import_module(f"{__name__}.{row.where}"), source
        if not pathlib.Path(source).suffix and not pathlib.Path(source).exists():
            names = ", ".join(repr(name) for name in SOURCES)
            raise ValueError(
                f"`dataset` must be one of {names}, or the path of a table, a file ending in "
                f"{', '.join(KINDS)}. "
                f"Received: dataset={source!r}.{did_you_mean(source, SOURCES)}"
            )
    elif not isinstance(source, os.PathLike) and not hasattr(source, "columns"):
        raise TypeError(
            "`dataset` must be a data set's name, the path of a CSV, TSV or Parquet file, or a "
            "pandas DataFrame. "
            f"Received: dataset of type {type(source).__name__}."
        )
    name = "table" if hasattr(source, "columns") else pathlib.Path(source).name.split(".")[0]
    return importlib.import_module(f"{__name__}.tables"), name


def _own(name):
    """A source of another package."""
    found = load_own("dataset", name)
    if not (hasattr(found, "load") or hasattr(found, "load_split")):
        raise TypeError(
            "`dataset` must name an object with `load(name, *, data_dir, seed)`, which returns "
            "`Interactions`, or `load_split(name, *, protocol, data_dir, seed)`, which returns a "
            f"`Split`. Received: dataset={name!r}, a {type(found).__name__} with neither."
        )
    return found


def _load(module, source, name, data_dir, seed, options, caller="load", function=None):
    """Calls a source's `load`, or another of its functions.

    Options are refused that neither it nor the caller knows.
    """
    _check_options(module, name, options, caller)
    return (function or module.load)(source, data_dir=data_dir, seed=seed, **options)


def _check_options(module, name, options, caller):
    """`caller` is the function whose own arguments an option may have been meant for."""
    own = OWN_ARGUMENTS[caller]
    known = getattr(module, "OPTIONS", ())
    for option in options:
        if option not in known:
            raise ValueError(
                f"{name!r} takes the options {', '.join(known) or '(none)'}, besides "
                f"{', '.join(own)}. Received: {option}={options[option]!r}."
                f"{_meant(option, (*known, *own))}"
            )


def _meant(option, known):
    """Did you mean: settings and the command line call `by` another name."""
    return (
        " Did you mean 'by'?"
        if option == "split_by" and "by" in known
        else did_you_mean(option, known)
    )
