"""One's own interactions.

CSV, TSV and Parquet files and pandas DataFrames, whatever their columns are called.

Each row is one click. Raw ids may be strings or integers; in text files, ids that are all plain
integers ("17", not "017") become integers, any other stay strings. Vocabularies are sorted, so the
dense ids do not depend on the order of the rows. Repeated pairs are merged as `repeats` says.
"""

import logging
import os
import pathlib

from deca_tf._checks import check_choice, check_flag
from deca_tf.data import schema
from deca_tf.data.interactions import Interactions
from deca_tf.data.sources import _table_columns as table_columns
from deca_tf.data.sources import _table_values as table_values
from deca_tf.data.sources._table_files import TableFile

OPTIONS = (*table_columns.OPTION.values(), "repeats", "separator", "header")
_LACKS_HEADER = (
    " The first row looks like data: if the file has no header row, set `header=False` and name "
    "the columns by number from 1, such as `user_column=1` and `item_column=2`."
)
_FRAME_LACKS_HEADER = " The names look like data: does the file that was read lack a header row?"

logger = logging.getLogger("deca_tf")


def load(
    source,
    *,
    data_dir=None,
    seed=0,
    user_column=None,
    item_column=None,
    rating_column=None,
    dwell_column=None,
    timestamp_column=None,
    is_noisy_column=None,
    weight_column=None,
    repeats=schema.FIRST,
    separator=None,
    header=True,
):
    """Reads a table of clicks. What is read from which column is logged as one line.

    Args:
        source: path ending in .csv, .csv.gz, .tsv, .tsv.gz or .parquet, of any text file whose
            `separator` is given, or a `pandas.DataFrame`.
        data_dir, seed: not used.
        user_column, item_column: names of the columns that hold who clicked and what. None: found
            by their common names, such as user_id, userId, customer; item_id, movieId, sku. The
            plainest name counts, user_id before user before customer_id.
        rating_column: stars. Like dwell it only ever builds a clean test. None: found by name if
            there; "": not read.
        dwell_column: seconds; likewise.
        timestamp_column: numbers (seconds since 1970; values over 1e11 are taken for milli-, over
            1e14 for micro-, over 1e17 for nanoseconds), date strings or datetimes; without a time
            zone they are UTC. Likewise.
        is_noisy_column: the truth about each click, 0 or 1, where it is known; likewise.
        weight_column: how much each click counts in training, at least 0. Read only if named.
        repeats: what a repeated pair becomes: its 'first' or 'last' row (by timestamp, else by
            position), or one row whose weight is the 'sum' of weights or the 'count' of rows.
        separator: what stands between two columns of a text file, such as ';', '::' or 'tab'.
            None: what the file's ending says.
        header: whether the first row names the columns. If not, they are named by number, the
            first is 1: `user_column=1`.

    Returns:
        `Interactions` without repeated pairs; `num_merged` counts those merged, and a warning says
        it.

    Raises:
        FileNotFoundError: no such file.
        TypeError: ids or times of a kind that cannot be read.
        ValueError: a file that is not what its name says; missing, unknown or ambiguous columns;
            missing values; a rating that is no number; no rows; fewer than two users or items.
    """
    check_choice("repeats", repeats, schema.REPEATS)
    columns = {
        "user_column": user_column,
        "item_column": item_column,
        "rating_column": rating_column,
        "dwell_column": dwell_column,
        "timestamp_column": timestamp_column,
        "is_noisy_column": is_noisy_column,
        "weight_column": weight_column,
    }
    rows = load_rows(
        source, data_dir=data_dir, seed=seed, separator=separator, header=header, **columns
    )
    return _merged(rows, repeats)


def load_rows(source, *, data_dir=None, seed=0, separator=None, header=True, **columns):
    """The rows as they stand, repeated pairs and all: for a split that cuts before it merges.

    Args and errors are those of `load`; `columns` are its options of that name.
    """
    del data_dir, seed
    columns, read, said = _open(source, columns, separator, header)
    frame = read()
    if not len(frame):
        raise ValueError("The table must hold at least one interaction. Received: 0 rows.")
    required = table_columns.REQUIRED
    ids, vocabularies = zip(
        *(table_values.encode(frame[columns[name]], columns[name]) for name in required),
        strict=True,
    )
    optional, unit = {}, None
    for role, column in columns.items():
        option = table_columns.OPTION[role]
        if role == schema.TIMESTAMP:
            optional[role], unit = table_values.times(frame[column], column, option)
        elif role not in required:
            optional[role] = _READERS[role](frame[column], column, option)
    for what, vocabulary, name in zip(("users", "items"), vocabularies, required, strict=True):
        if len(vocabulary) < 2:
            raise ValueError(
                f"The table must hold at least two different {what}, or there is nothing to learn "
                "from. Received: "
                f"{len(vocabulary)} in column {columns[name]!r}. Check "
                f"`{table_columns.OPTION[name]}`."
            )
    logger.info("%s", table_columns.describe(*said, columns, unit))
    rows = Interactions(*ids, *vocabularies, **optional)
    _say_who_is_full(rows)
    return rows


def protocol_of(source, *, separator=None, header=True, repeats=None, **columns):
    """'timeline' where the table has a column of times, else 'clean'; the header alone is read."""
    del repeats
    columns, _, _ = _open(source, columns, separator, header)
    return schema.TIMELINE if schema.TIMESTAMP in columns else schema.CLEAN


_READERS = {
    schema.RATING: table_values.numbers,
    schema.DWELL: table_values.numbers,
    schema.IS_NOISY: table_values.flags,
    schema.WEIGHT: table_values.weights,
}


def _open(source, columns, separator, header):
    """Which column holds what, `{role: name}`, a function that reads them, and what is said of it.

    `columns` are the options that name them.
    """
    given = {role: columns.get(option) for role, option in table_columns.OPTION.items()}
    given = {role: given[role] for role in table_columns.ROLES}
    if hasattr(source, "columns"):
        return _frame(source, given, separator, header)
    return _file(source, given, separator, header)


def _frame(source, given, separator, header):
    if separator is not None or not check_flag("header", header):
        raise ValueError(
            "`separator` and `header` are of text files. Received: a DataFrame with "
            f"separator={separator!r} and header={header!r}. Leave them out."
        )
    names = list(source.columns)
    columns = table_columns.choose(
        names,
        given,
        lambda: _FRAME_LACKS_HEADER if table_columns.looks_like_data(names, ()) else "",
    )
    return columns, lambda: source[list(columns.values())], ("The table", names)


def _file(source, given, separator, header):
    file = TableFile(source, separator=separator, header=check_flag("header", header))

    def lacks_header():
        rows = file.first_rows()
        if not header:
            return f" The first row holds {', '.join(map(repr, rows[0]))}." if rows else ""
        return _LACKS_HEADER if table_columns.looks_like_data(file.names, rows) else ""

    columns = table_columns.choose(file.names, given, lacks_header)
    text = [columns[name] for name in table_columns.REQUIRED]
    said = pathlib.Path(os.fspath(source)).name, file.names
    return columns, lambda: file.read(columns.values(), text), said


def _merged(interactions, repeats):
    """Merges repeated pairs and says so."""
    merged = interactions.distinct(repeats)
    if merged.num_merged:
        logger.warning(
            "Merged %d repeated (user, item) pairs of %d rows; %s.",
            merged.num_merged,
            len(interactions),
            schema.MERGED[repeats],
        )
    return merged


def _say_who_is_full(rows):
    """Says whose history leaves nothing to sample."""
    full = rows.users_without_negatives()
    if len(full):
        logger.warning(
            "%d users touched every item, so no unobserved item is left to sample for them; the "
            "first is %r.",
            len(full),
            rows.raw_user_ids[full[0]].item(),
        )
