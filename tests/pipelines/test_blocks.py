"""Files cut into blocks: every row is read once, wherever the cuts fall."""

import gzip
import json

import pyarrow as pa
import pytest

from pipelines import blocks

ROWS = [{"user": f"u{i}", "text": "ä, " * (i % 7) + "end"} for i in range(200)]


@pytest.mark.parametrize("size", [17, 64, 1000, 1 << 20])
@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_every_line_is_read_once(name, end, size, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", size)
    file = tmp_path / name
    if name.endswith("csv"):
        file.write_text(
            "user,text\n" + "\n".join(f'{row["user"]},"{row["text"]}"' for row in ROWS) + end
        )
    else:
        file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + end)
    found = blocks.find([str(file)])
    assert (len(found) > 1) == (size < 5000)
    tables = [blocks.read(block) for block in found]
    rows = [row for table in tables for row in table.to_pylist()]
    assert rows == ROWS


def test_a_column_with_an_empty_field_has_a_missing_value(tmp_path):
    (tmp_path / "log.tsv").write_text("user\titem\nu1\t\nu2\ti2\n")
    (block,) = blocks.find([str(tmp_path / "*.tsv")])
    assert blocks.read(block).to_pylist() == [
        {"user": "u1", "item": None},
        {"user": "u2", "item": "i2"},
    ]


@pytest.mark.parametrize(
    "files, pattern, said",
    [
        ({}, "*.csv", "`files` must match at least one file. Received: "),
        (
            {"a.csv": "user,item\n1,2\n", "b.csv": "user,thing\n1,2\n"},
            "*.csv",
            "must have the same columns",
        ),
        ({"a.csv": "user,user\n1,2\n"}, "*.csv", "must begin with the columns' names, each once"),
        ({"a.txt": "x"}, "*", "A file's name must end in .csv, .tsv"),
        ({"a.csv.gz": "x"}, "*", "must not be compressed as a whole"),
    ],
)
def test_files_that_cannot_be_read_are_refused_before_any_work(files, pattern, said, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        blocks.find([str(tmp_path / pattern)])


def test_a_format_does_not_make_a_compressed_file_plain(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"user,item\n" + 100 * b"1,2\n"))
    with pytest.raises(
        ValueError, match="must not be compressed as a whole"
    ):  # else its end would be missing
        blocks.find([str(tmp_path / "a.csv.gz")], "csv")


def test_a_broken_line_names_file_and_place(tmp_path):
    (tmp_path / "log.csv").write_text("user,item\nu1,i1\nu2\n")
    (block,) = blocks.find([str(tmp_path / "log.csv")])
    with pytest.raises(
        ValueError, match="log.csv, bytes 10 to 19, must be csv: .*Expected 2 columns, got 1"
    ):
        blocks.read(block)


def test_row_groups_are_blocks_of_parquet(tmp_path):
    table = pa.table({"user": [f"u{i}" for i in range(10)], "n": list(range(10))})
    pa.parquet.write_table(table, tmp_path / "log.parquet", row_group_size=4)
    found = blocks.find([str(tmp_path / "log.parquet")])
    assert len(found) == 3
    assert pa.concat_tables([blocks.read(block) for block in found]).equals(table)
