"""A folder of shards.

A split as sharded TFRecords, the form in which the pipelines hand interactions to training.

    interactions.json                              written last: a folder without it is unfinished
    user_ids.parquet, item_ids.parquet             column `raw_id`: row i is id i's raw id, a string
    Split-train/data_tfrecord-00000-of-00004.gz    and Split-validation/, Split-test/

A record is a block of interactions, see `deca_tf.data.blocks`. Rows of train are in random order
over all shards, so that a stream that shuffles a window of them shuffles globally.
"""

import dataclasses
import json
import os
import pathlib
import shutil

import numpy as np
import tensorflow as tf

from deca_tf._checks import check_choice, check_integer
from deca_tf.data import schema
from deca_tf.data.blocks import columns_of, encode_blocks, parse_blocks
from deca_tf.data.interactions import Interactions
from deca_tf.data.splits import Split

FORMAT = 1
INTERACTIONS_FILE = "interactions.json"
IDS_FILES = {schema.USER_ID: "user_ids.parquet", schema.ITEM_ID: "item_ids.parquet"}
RAW_ID = "raw_id"
RECORDS_AT_ONCE = 64  # parsed by one operation

_UNFINISHED = "writing-"


def shard_name(number, num_shards):
    """The name of a shard's file, in the folder of its part."""
    return f"data_tfrecord-{number:05d}-of-{num_shards:05d}.gz"


def write_shards(
    split: Split, folder: str | os.PathLike[str], num_shards: int = 4, seed: int = 0
) -> None:
    """Writes a split in memory as a folder of shards, which is there whole or not at all.

    Args:
        split: a `Split`.
        folder: to be made.
        num_shards: files of each part. Workers share them out, so at least as many as workers,
            better a multiple.
        seed: of the order of train's rows. Validation and test keep theirs.

    Raises:
        FileExistsError: the folder is there already.
        ValueError: `num_shards` below 1.

    Stability: provisional.
    """
    check_integer("num_shards", num_shards)
    folder = pathlib.Path(folder)
    if folder.exists():
        raise FileExistsError(
            f"`folder` must be a new one. Received: {os.fspath(folder)!r}. Name another, or delete "
            "this one."
        )
    beside = folder.with_name(f"{_UNFINISHED}{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for part in schema.PARTS:
        rows = getattr(split, part)
        order = (
            np.arange(len(rows))
            if part != "train"
            else np.random.default_rng(seed).permutation(len(rows))
        )
        (beside / f"Split-{part}").mkdir()
        for number, shard in enumerate(np.array_split(order, num_shards)):
            write_shard(beside / f"Split-{part}" / shard_name(number, num_shards), rows.take(shard))
    finish_shards(
        beside,
        split.train.raw_user_ids,
        split.train.raw_item_ids,
        name=split.name,
        protocol=split.protocol,
        rows={part: len(getattr(split, part)) for part in schema.PARTS},
    )
    beside.replace(folder)


def write_shard(path, interactions):
    """Writes rows as they stand as one file of a part; see `encode_blocks` and `shard_name`."""
    with tf.io.TFRecordWriter(os.fspath(path), tf.io.TFRecordOptions("GZIP")) as writer:
        for record in encode_blocks(interactions):
            writer.write(record)


def finish_shards(folder, raw_user_ids, raw_item_ids, *, name, protocol, rows):
    """Writes what a folder of shards holds beside its parts, interactions.json last.

    Args:
        folder: where the parts are.
        raw_user_ids, raw_item_ids: `(num_users,)` and `(num_items,)`, written as strings.
        name: of the data set, for reports.
        protocol: of the split, one of `schema.PROTOCOLS`.
        rows: `{"train": n, "validation": n, "test": n}`.
    """
    folder = pathlib.Path(folder)
    for column, raw_ids in ((schema.USER_ID, raw_user_ids), (schema.ITEM_ID, raw_item_ids)):
        _write_ids(folder / IDS_FILES[column], np.asarray(raw_ids))
    header = {
        "format": FORMAT,
        "name": name,
        "protocol": protocol,
        "num_users": len(raw_user_ids),
        "num_items": len(raw_item_ids),
        "rows": rows,
    }
    (folder / INTERACTIONS_FILE).write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")


def read_shards(folder: str | os.PathLike[str]) -> Split:
    """A folder of shards, read into memory.

    Args:
        folder: as `write_shards` or the pipelines' step Split leave it.

    Returns:
        A `Split`. Rows come in the order of files and records; raw ids are strings.

    Raises:
        FileNotFoundError: no such folder, or it is unfinished.
        ValueError: it is of another format, broken, or does not hold what its interactions.json
            says.

    Stability: provisional.
    """
    shards = open_shards(folder)
    raw_ids = {
        "raw_user_ids": shards.raw_ids(schema.USER_ID),
        "raw_item_ids": shards.raw_ids(schema.ITEM_ID),
    }
    parts = {part: Interactions(**shards.read(part), **raw_ids) for part in schema.PARTS}
    return Split(
        parts["train"],
        parts["validation"],
        parts["test"],
        protocol=shards.protocol,
        name=shards.name,
    )


@dataclasses.dataclass(frozen=True)
class Shards:
    """What a folder's interactions.json says, and how to read the rest.

    Args:
        path: of the folder.
        name: of the data set.
        protocol: of the split, one of `schema.PROTOCOLS`.
        num_users, num_items: sizes of the id spaces.
        rows: `{"train": n, "validation": n, "test": n}`.
    """

    path: pathlib.Path
    name: str
    protocol: str
    num_users: int
    num_items: int
    rows: dict

    def files(self, part):
        """The files of a part, in order.

        Raises:
            ValueError: there are rows but no files.
        """
        found = sorted((self.path / f"Split-{part}").glob("data_tfrecord-*.gz"))
        if not found and self.rows[part]:
            raise ValueError(
                f"`{self.path}` must hold {self.rows[part]:,} rows of {part}, as its "
                f"{INTERACTIONS_FILE} says. "
                f"Received: no file data_tfrecord-*.gz in Split-{part}. Write the folder again."
            )
        return [os.fspath(path) for path in found]

    def columns(self, part):
        """Names of the columns of a part, by its first record."""
        return columns_of(self.files(part))

    def raw_ids(self, name):
        """The raw ids of `user_id` or `item_id`, strings `(num_users,)` or `(num_items,)`."""
        import pyarrow.parquet

        path = self.path / IDS_FILES[name]
        if not path.is_file():
            raise FileNotFoundError(
                f"A folder of shards must hold {path.name}. Received: {os.fspath(self.path)!r}."
            )
        raw_ids = pyarrow.parquet.read_table(path, columns=[RAW_ID]).column(RAW_ID)
        size = self.num_users if name == schema.USER_ID else self.num_items
        if len(raw_ids) != size:
            raise ValueError(
                f"`{path}` must hold {size:,} ids, as {INTERACTIONS_FILE} says. Received: "
                f"{len(raw_ids):,}. Write the "
                "folder again."
            )
        return raw_ids.to_numpy().astype(str) if size else np.array([], str)

    def read(self, part):
        """The columns of a part, `{"user_id": int32 (n,), ...}`, in the types of `Interactions`."""
        blocks = list(self.blocks(part))
        if not blocks:
            return {schema.USER_ID: np.zeros(0, np.int32), schema.ITEM_ID: np.zeros(0, np.int32)}
        return {
            name: np.concatenate([block.pop(name) for block in blocks]) for name in list(blocks[0])
        }

    def blocks(self, part, columns=None):
        """The rows of a part, some hundred thousand at a time, checked.

        Args:
            part: 'train', 'validation' or 'test'.
            columns: names of those to read; None: all that the first record has.

        Returns:
            Iterator of `{"user_id": int32 (n,), "item_id": int32 (n,), ...}`, n differing.

        Raises:
            ValueError: at the first block that is broken, or at the end if the rows are not as many
                as they should be.
        """
        files, done = self.files(part), 0
        try:
            columns = columns_of(files) if columns is None else columns
            records = tf.data.TFRecordDataset(files, "GZIP").batch(RECORDS_AT_ONCE)
            for parsed in records.map(lambda batch: parse_blocks(batch, columns)):
                block = {name: values.numpy() for name, values in parsed.items()}
                for name, size in (
                    (schema.USER_ID, self.num_users),
                    (schema.ITEM_ID, self.num_items),
                ):
                    block[name] = self._checked(part, name, block[name], size)
                done += len(block[schema.USER_ID])
                yield block
        except tf.errors.OpError as error:
            raise ValueError(
                f"The shards must hold blocks of interactions. Received: Split-{part} of "
                f"{os.fspath(self.path)!r}, "
                f"{(error.message.splitlines() or [''])[0]} Write the folder again."
            ) from None
        if done != self.rows[part]:
            raise ValueError(
                f"`{self.path}` must hold {self.rows[part]:,} rows of {part}, as its "
                f"{INTERACTIONS_FILE} says. "
                f"Received: {done:,} rows in {len(files)} files. Write the folder again."
            )

    def _checked(self, part, name, ids, size):
        if len(ids) and not (ids.min() >= 0 and ids.max() < size):
            raise ValueError(
                f"`{name}` of Split-{part} must be in [0, {size}), the size in "
                f"{INTERACTIONS_FILE}. Received: values "
                f"from {ids.min()} to {ids.max()} in {os.fspath(self.path)!r}. Write the folder "
                "again."
            )
        return ids.astype(np.int32)


def open_shards(folder):
    """Reads a folder's interactions.json; no row yet.

    Returns:
        `Shards`.

    Raises:
        FileNotFoundError: no such folder, or it is unfinished.
        ValueError: a format that is not known here, or an entry that is missing.
    """
    path = pathlib.Path(folder).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(
            f"`folder` must be an existing folder of shards. Received: {os.fspath(folder)!r}."
        )
    file = path / INTERACTIONS_FILE
    if not file.is_file():
        raise FileNotFoundError(
            f"A folder of shards must hold {INTERACTIONS_FILE}, which is written last. Received: "
            f"{os.fspath(folder)!r} "
            "without it: it is something else, or was not written to its end. Write it again."
        )
    try:
        header = json.loads(file.read_text(encoding="utf-8"))
        version = header["format"]
        known = {key: header[key] for key in ("name", "protocol", "num_users", "num_items")}
        rows = {part: header["rows"][part] for part in schema.PARTS}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"`{file}` must be JSON with format, name, protocol, num_users, num_items and rows. "
            "Received: "
            f"{type(error).__name__}: {error}. Write the folder again."
        ) from None
    if version != FORMAT:
        raise ValueError(
            f"The format of a folder of shards must be {FORMAT}. Received: format={version!r} in "
            f"{os.fspath(file)!r}. "
            "Write it again, or read it with the release that wrote it."
        )
    check_choice("protocol", known["protocol"], schema.PROTOCOLS)
    for key, number in {
        **rows,
        "num_users": known["num_users"],
        "num_items": known["num_items"],
    }.items():
        check_integer(f"{key} in {file}", number, low=0)
    return Shards(path=path, rows=rows, **known)


def _write_ids(path, raw_ids):
    import pyarrow
    import pyarrow.parquet

    column = pyarrow.array(raw_ids.astype(str).astype(object), pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table({RAW_ID: column}), path)
