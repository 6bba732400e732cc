"""Reads a CSV, TSV or Parquet file into a data frame, refusing a file that is not what its name says."""

import gzip
import os
import pathlib
import warnings
import zlib

KINDS = {  # ending: what the file must be
    ".csv": "CSV text",
    ".csv.gz": "gzipped CSV text",
    ".tsv": "TSV text",
    ".tsv.gz": "gzipped TSV text",
    ".parquet": "Parquet",
}
_FIRST_BYTES = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


def ending_of(path):
    """The ending that decides how a file is read.

    Raises:
        ValueError: none of the known ones.
    """
    name = pathlib.Path(path).name.lower()
    for ending in sorted(KINDS, key=len, reverse=True):
        if name.endswith(ending):
            return ending
    raise ValueError(
        f"A table's file name must end in one of {', '.join(KINDS)}. Received: "
        f"{os.fspath(path)!r}. Rename it to what "
        "it is, or read it with pandas and pass the DataFrame."
    )


def column_names(path):
    """The names of a file's columns, in order, read without its rows.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is empty or not what its name says.
    """
    ending = ending_of(path)
    _check_kind(path, ending)
    if ending == ".parquet":
        import pyarrow.parquet

        return _or_unreadable(lambda: list(pyarrow.parquet.read_schema(path).names), path, ending)
    header = _read_text(path, ending, header=None, nrows=1, dtype=str, keep_default_na=False)
    return header.iloc[0].tolist()  # repeated names as they stand, which pandas would number


def read(path, columns, text_columns):
    """Some columns of a file.

    Args:
        path: of the file.
        columns: names to read.
        text_columns: those to keep as text in a CSV or TSV, so that "007" stays "007"; only "" is
            missing there.

    Returns:
        A `pandas.DataFrame`.

    Raises:
        ValueError: the file cannot be read as what its name says.
    """
    ending = ending_of(path)
    if ending == ".parquet":
        import pandas

        return _or_unreadable(
            lambda: pandas.read_parquet(path, columns=list(columns)), path, ending
        )
    # All columns are read, because only then does pandas refuse rows that have more fields than the
    # header.
    table = _read_text(
        path,
        ending,
        dtype=dict.fromkeys(text_columns, str),
        keep_default_na=False,
        na_values={column: [""] for column in columns},
    )
    return table[list(columns)]


def _read_text(path, ending, **options):
    import pandas

    separator = "\t" if ending.startswith(".tsv") else ","
    return _or_unreadable(
        lambda: pandas.read_csv(
            path,
            sep=separator,
            index_col=False,
            skipinitialspace=True,
            low_memory=False,
            encoding="utf-8-sig",
            **options,
        ),
        path,
        ending,
    )


def _or_unreadable(read_it, path, ending):
    """Runs a reader, turning what it raises about the file's content into one clear error."""
    import pandas
    import pyarrow

    unreadable = (
        *(
            pandas.errors.ParserError,
            pandas.errors.ParserWarning,
            pandas.errors.EmptyDataError,
            UnicodeDecodeError,
        ),
        *(EOFError, zlib.error, OSError, pyarrow.ArrowInvalid),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error", pandas.errors.ParserWarning
            )  # such as fields beyond the header's
            return read_it()
    except unreadable as error:
        first_line = (str(error).splitlines() or [""])[0].rstrip(".")
        if isinstance(error, pandas.errors.ParserWarning):
            first_line = "rows have more fields than the header"
        raise ValueError(
            f"`{path}` must be {KINDS[ending]}, as its name says. Received: "
            f"{type(error).__name__}: {first_line}. "
            "Repair the file, or read it with pandas and pass the DataFrame."
        ) from None


def _check_kind(path, ending):
    """Looks at a file's first bytes."""
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(
            f"The table must be an existing file. Received: {os.fspath(path)!r}. Relative paths "
            "start at "
            f"{str(pathlib.Path.cwd())!r}."
        )
    with pathlib.Path(path).open("rb") as file:
        head = file.read(4096)
    if ending.endswith(".gz") and head.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path) as file:
                head = file.read(4096)
        except (OSError, EOFError, zlib.error):
            head = b"\0"
    elif ending.endswith(".gz") and head:
        raise _wrong_kind(path, ending, _describe(head) or "a file that is not gzipped")
    if not head.strip():
        raise ValueError(
            f"`{path}` must hold a table. Received: an empty file. Write a header row and one row "
            "per click."
        )
    is_parquet = head.startswith(b"PAR1")
    if ending == ".parquet" and not is_parquet:
        raise _wrong_kind(path, ending, _describe(head) or "a text file")
    if ending != ".parquet" and _describe(head):
        raise _wrong_kind(path, ending, _describe(head))


def _describe(head):
    """What a file that is no plain text is, by its first bytes; None for plain text."""
    for start, kind in _FIRST_BYTES.items():
        if head.startswith(start):
            return kind
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "an HTML or XML page"
    return "a binary file" if b"\0" in head else None


def _wrong_kind(path, ending, received):
    return ValueError(
        f"`{path}` must be {KINDS[ending]}, as its name says. Received: {received}. Rename the "
        "file to what it is, or "
        "fetch it again."
    )
