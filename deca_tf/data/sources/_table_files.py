"""Reads a CSV, TSV, Parquet or other text file into a data frame.

A file that is not what its name says is refused.
"""

import functools
import gzip
import os
import pathlib
import re
import warnings
import zlib

KINDS = {  # ending: what the file must be
    ".csv": "CSV text",
    ".csv.gz": "gzipped CSV text",
    ".tsv": "TSV text",
    ".tsv.gz": "gzipped TSV text",
    ".parquet": "Parquet",
}
PARQUET = ".parquet"
TAB = "tab"  # how a separator that is hard to type is called
_SEPARATORS = ("\t", "::", ";", "|", ",")
_FIRST_BYTES = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet or other Office document",
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_SAMPLE = 200  # rows by which a header is told from data


class TableFile:
    """A table in a file.

    Args:
        path: of a file ending in .csv, .csv.gz, .tsv, .tsv.gz or .parquet, or of any text file
            whose `separator` is given.
        separator: what stands between two columns of a text file, 'tab' for a TAB; None: what the
            ending says.
        header: whether the first row names the columns. Else their names are "1", "2", and so on.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown ending without `separator`, or a file that is empty or not what its
            name says; a Parquet file with `separator` or without `header`.
    """

    def __init__(self, path, *, separator=None, header=True):
        self.path = pathlib.Path(path)
        self.header = header
        if not self.path.is_file():
            raise FileNotFoundError(
                f"The table must be an existing file. Received: {os.fspath(path)!r}"
                f"{', a folder' if self.path.is_dir() else ''}. Relative paths start at "
                f"{str(pathlib.Path.cwd())!r}."
            )
        self._ending = _ending(self.path, separator)
        self._kind = KINDS.get(self._ending, "text")
        self._is_parquet = self._ending == PARQUET
        if self._is_parquet and (separator is not None or not header):
            given = "header=False" if separator is None else f"separator={separator!r}"
            raise ValueError(
                f"Parquet files have named columns and no separator. Received: {given} with "
                f"'{path}'. Leave it out."
            )
        self._separator = _separator(self._ending) if separator is None else _spelt(separator)
        self._check_kind()

    @functools.cached_property
    def names(self):
        """The names of the columns, in order, repeated ones as they stand."""
        if self._is_parquet:
            import pyarrow.parquet

            return self._or_unreadable(lambda: list(pyarrow.parquet.read_schema(self.path).names))
        first = self._read_text(header=None, nrows=1, dtype=str, keep_default_na=False)
        if not self.header:
            return [str(number) for number in range(1, first.shape[1] + 1)]
        return first.iloc[0].tolist()

    def first_rows(self):
        """The first rows of a text file below its header, as lists of text.

        None if they cannot be read.
        """
        if self._is_parquet:
            return []
        try:
            rows = self._read_text(header=None, nrows=_SAMPLE, dtype=str, keep_default_na=False)
        except ValueError:
            return []
        return rows.iloc[int(self.header) :].astype(str).to_numpy().tolist()

    def read(self, columns, text_columns):
        """Some columns.

        Args:
            columns: names to read.
            text_columns: those to keep as text in a text file, so that "007" stays "007"; only ""
                is missing there.

        Returns:
            A `pandas.DataFrame`.

        Raises:
            ValueError: the file cannot be read as what its name says.
        """
        columns = list(columns)
        if self._is_parquet:
            import pandas

            table = self._or_unreadable(lambda: pandas.read_parquet(self.path, columns=columns))
            is_whole = set(columns) <= set(table.columns)  # else pandas made an index of some
            return (table if is_whole else table.reset_index())[columns]
        # All columns are read, because only then does pandas refuse rows that have more fields
        # than the header; by place, because pandas gives new names to empty and repeated ones.
        places = {name: self.names.index(name) for name in columns}
        names = range(len(self.names))
        table = self._read_text(
            names=names,
            header=0 if self.header else None,
            dtype={places[name]: str for name in text_columns},
            keep_default_na=False,
            na_values={place: [""] for place in places.values()},
        )
        table = table[list(places.values())]
        table.columns = columns
        return table

    def _read_text(self, **options):
        import pandas

        if len(self._separator) == 1:
            options |= {"sep": self._separator, "low_memory": False}
        else:
            options |= {"sep": re.escape(self._separator), "engine": "python"}
        return self._or_unreadable(
            lambda: pandas.read_csv(
                self.path, index_col=False, skipinitialspace=True, encoding="utf-8-sig", **options
            )
        )

    def _or_unreadable(self, read_it):
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
            remedy = "Repair the file, or read it with pandas and pass the DataFrame."
            if isinstance(error, UnicodeDecodeError):
                remedy = "Save it as UTF-8."
            raise ValueError(
                f"`{self.path}` must be {self._kind}{self._as_named()}. Received: "
                f"{type(error).__name__}: {first_line}. {remedy}"
            ) from None

    def _check_kind(self):
        """Looks at the first bytes."""
        head = _head(self.path)
        if self._ending.endswith(".gz") and not head.startswith(b"\x1f\x8b") and head:
            raise self._wrong_kind(_describe(head) or "a file that is not gzipped")
        if self._ending.endswith(".gz") and head:
            head = _head(self.path, unzipped=True)
        if not head.strip():
            raise ValueError(
                f"`{self.path}` must hold a table. Received: an empty file. Write a header row and "
                "one row per click."
            )
        if self._is_parquet and not head.startswith(b"PAR1"):
            raise self._wrong_kind(_describe(head) or "a text file")
        if not self._is_parquet and _describe(head):
            raise self._wrong_kind(_describe(head))

    def _wrong_kind(self, received):
        return ValueError(
            f"`{self.path}` must be {self._kind}{self._as_named()}. Received: {received}. Rename "
            "the file to what it is, or save it as CSV."
        )

    def _as_named(self):
        return ", as its name says" if self._ending in KINDS else ""


def _ending(path, separator):
    """The ending that decides how a file is read.

    That of any text file where a separator is given.
    """
    name = path.name.lower()
    for ending in sorted(KINDS, key=len, reverse=True):
        if name.endswith(ending):
            return ending
    if separator is not None:
        return ".gz" if name.endswith(".gz") else ""
    head = _head(path, unzipped=name.endswith(".gz"))
    line = next(iter(head.decode("utf-8-sig", errors="replace").splitlines()), "")
    found = next((mark for mark in _SEPARATORS if mark in line), None)
    what, remedy = _describe(head), "Save it as CSV."
    if what is None and found is not None:
        what = f"a text file with {found!r} in its first line"
        remedy = (
            "Rename it to what it is, or name what separates its columns: "
            f"`separator={_called(found)!r}`."
        )
    raise ValueError(
        f"A table's file name must end in one of {', '.join(KINDS)}. Received: "
        f"{os.fspath(path)!r}{f', {what}' if what else ''}. {remedy}"
    )


def _separator(ending):
    return "\t" if ending.startswith(".tsv") else ","


def _called(separator):
    return TAB if separator == "\t" else separator


def _spelt(separator):
    """A separator as it stands in the file."""
    spelt = "\t" if separator in (TAB, "\\t") else separator
    if not isinstance(spelt, str) or not spelt or set(spelt) & set("\"'\r\n"):
        raise ValueError(
            "`separator` must be the text that stands between two columns, such as ';' or "
            f"'{TAB}'. Received: separator={separator!r}."
        )
    return spelt


def _head(path, unzipped=False):
    """The first bytes of a file.

    Of what is in it, where that is gzipped and `unzipped` is asked for.
    """
    try:
        with gzip.open(path) if unzipped else path.open("rb") as file:
            return file.read(4096)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b"\0"


def _describe(head):
    """What a file that is no plain text is, by its first bytes; None for plain text."""
    for start, kind in _FIRST_BYTES.items():
        if head.startswith(start):
            return kind
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "an HTML or XML page"
    if re.match(rb'\{\s*"|\[\s*[\[{]', text):
        return "JSON"
    return "a binary file" if b"\0" in head else None
