"""Files cut into blocks that workers read on their own, each into one Arrow table."""

import csv
import dataclasses
import io
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from deca_tf._checks import check_choice

CSV, TSV, JSONL, PARQUET, TFRECORD = FORMATS = ("csv", "tsv", "jsonl", "parquet", "tfrecord")
BLOCK = 16 << 20  # bytes of text
LINES = (CSV, TSV, JSONL)
DELIMITERS = {CSV: ",", TSV: "\t"}


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of a file.

    Args:
        path: of the file.
        format: one of `FORMATS`.
        start, stop: bytes of text, of lines that begin within; or row groups of Parquet.
        names: of the columns of CSV and TSV, and of JSON lines that do not name them.
    """

    path: str
    format: str
    start: int
    stop: int
    names: tuple = ()


def find(patterns, format=None, fields=None):
    """All files of some patterns, cut into blocks.

    Args:
        patterns: list of paths or patterns of any file system that Beam knows.
        format: one of `FORMATS`; None: told by the names.
        fields: names of the columns of JSON lines as BigQuery's API gives them; None: each line
            names its own.

    Returns:
        List of `Block`, in the order of patterns and names.

    Raises:
        FileNotFoundError: nothing matches a pattern.
        ValueError: an unknown format; a compressed file; CSV files whose headers differ.
    """
    if format is not None:
        check_choice("format", format, FORMATS)
    found = []
    for pattern in patterns:
        (match,) = FileSystems.match([pattern])
        files = sorted(match.metadata_list, key=lambda each: each.path)
        if not files:
            raise FileNotFoundError(
                f"`files` must match at least one file. Received: {pattern!r}, which matches none."
            )
        for file in files:
            _check_is_not_compressed(file.path)
            found += _cut(
                file.path, file.size_in_bytes, format or format_of(file.path), tuple(fields or ())
            )
    headers = {block.names: block.path for block in found if block.format in DELIMITERS}
    if len(headers) > 1:
        (first, path), (second, other) = list(headers.items())[:2]
        raise ValueError(
            f"All files must have the same columns. Received: {path} with {', '.join(first)}, and "
            f"{other} with "
            f"{', '.join(second)}."
        )
    return found


def format_of(path):
    """The format that a file's name tells.

    Raises:
        ValueError: it tells none.
    """
    name = path.rpartition("/")[2].lower()
    for ending, format in (
        (".json", JSONL),
        (".tfrecords", TFRECORD),
        *((f".{each}", each) for each in FORMATS),
    ):
        if name.endswith(ending):
            return format
    raise ValueError(
        f"A file's name must end in {', '.join('.' + each for each in FORMATS)}, or `format` must "
        "say what it is. "
        f"Received: {path!r}."
    )


def _check_is_not_compressed(path):
    """Refuses a compressed file, whose blocks cannot be told.

    Beam unpacks what it opens by a file's name, so a block's bytes would be counted in something
    longer.
    """
    if CompressionTypes.detect_compression_type(path) != CompressionTypes.UNCOMPRESSED:
        raise ValueError(
            "A file must not be compressed as a whole, or it cannot be cut into blocks. Received: "
            f"{path!r}. Unpack "
            "it, or make it Parquet, which compresses within."
        )


def read(block):
    """The rows of a block, a `pyarrow.Table`.

    Columns of CSV, TSV and JSON lines are strings as they stand.

    Raises:
        ValueError: a line that cannot be read; the file and the place are named.
    """
    if block.format == PARQUET:
        with FileSystems.open(block.path) as file:
            groups = pyarrow.parquet.ParquetFile(file)
            return groups.read_row_groups(list(range(block.start, block.stop)))
    if block.format == TFRECORD:
        return _read_examples(block.path)
    text = _text(block)
    try:
        return _read_json(text, block.names) if block.format == JSONL else _read_csv(text, block)
    except (pa.ArrowInvalid, ValueError) as error:
        raise ValueError(
            f"{block.path}, bytes {block.start} to {block.stop}, must be {block.format}: {error}"
        ) from None


def _cut(path, size, format, fields):
    if format == PARQUET:
        with FileSystems.open(path) as file:
            groups = pyarrow.parquet.ParquetFile(file).num_row_groups
        return [Block(path, format, group, group + 1) for group in range(groups)]
    if format == TFRECORD:
        return [Block(path, format, 0, size)]
    names, begin = fields, 0
    if format in DELIMITERS:
        with FileSystems.open(path) as file:
            header = file.readline()
        begin = len(header)
        names = tuple(
            next(csv.reader([header.decode("utf-8-sig")], delimiter=DELIMITERS[format]), ())
        )
        if not names or len(set(names)) < len(names):
            raise ValueError(
                f"{path} must begin with the columns' names, each once. Received: {list(names)}."
            )
    return [
        Block(path, format, start, min(start + BLOCK, size), names)
        for start in range(begin, max(size, begin + 1), BLOCK)
    ]


def _text(block):
    """The lines that begin in a block, the last one to its end."""
    with FileSystems.open(block.path) as file:
        if block.start:
            file.seek(block.start - 1)
            file.readline()  # of the block before, if it ends here it is the line's end alone
        text = file.read(max(0, block.stop - file.tell())) if file.tell() < block.stop else b""
        if text and not text.endswith(b"\n"):
            text += file.readline()
    return text


def _read_csv(text, block):
    if not text.strip():
        return pa.table({name: pa.array([], pa.string()) for name in block.names})
    return pyarrow.csv.read_csv(
        io.BytesIO(text),
        pyarrow.csv.ReadOptions(column_names=list(block.names), use_threads=False),
        pyarrow.csv.ParseOptions(delimiter=DELIMITERS[block.format]),
        pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in block.names},
            strings_can_be_null=True,
            null_values=[""],
        ),
    )


def _read_json(text, fields):
    return table([json.loads(line) for line in text.splitlines() if line.strip()], fields)


def table(rows, fields=()):
    """Rows as a `pyarrow.Table` of strings.

    Args:
        rows: list of dicts. What lies within a dict, as in a RECORD of BigQuery, becomes the column
            "outer.inner"; lists stay JSON. A row `{"f": [{"v": ...}, ...]}` is one of BigQuery's
            API, whose columns have no names.
        fields: the names for those.

    Raises:
        ValueError: a row of the API has not as many columns as there are names.
    """
    rows = [dict(_flat(_named(row, fields))) for row in rows]
    names = sorted({name for row in rows for name in row})
    return pa.table(
        {name: pa.array([_as_text(row.get(name)) for row in rows], pa.string()) for name in names}
    )


def _named(row, fields):
    if set(row) != {"f"} or not isinstance(row["f"], list):
        return row
    if len(row["f"]) != len(fields):
        raise ValueError(
            "`input.fields` must name the columns of rows as BigQuery's API gives them. Received: "
            f"{len(fields)} names for {len(row['f'])} columns."
        )
    return {name: value["v"] for name, value in zip(fields, row["f"], strict=True)}


def _flat(row, prefix=""):
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _as_text(value):
    """A value as it would stand in text.

    Numbers that JSON does not have, and times, as Python writes them.
    """
    return (
        value
        if value is None or isinstance(value, str)
        else json.dumps(value, default=str).strip('"')
    )


def _read_examples(path):
    import tensorflow as tf
    from tfx_bsl.coders import example_coder

    records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    batch = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(records)
    flat = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        lengths = column.value_lengths().fill_null(0)
        if pa.compute.max(lengths).as_py() > 1:
            raise ValueError(
                f"{path}: each feature must have one value at most. Received: more of {name!r}."
            )
        # An empty list is a missing value.
        places = pa.compute.if_else(
            pa.compute.equal(lengths, 1), pa.compute.cumulative_sum(lengths), None
        )
        flat[name] = column.flatten().take(pa.compute.subtract(places, 1))
    return pa.table(flat)
