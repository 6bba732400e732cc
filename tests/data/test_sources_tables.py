"""Tables: any column names, any ids, and an error before training for whatever is wrong."""

import gzip
import logging
import time

import numpy as np
import pandas
import pytest

from deca_tf.data import load

CLICKS = {
    "userId": ["b", "a", "b", "c"],
    "movieId": ["10", "9", "9", "010"],
    "rating": [5, 3.5, 1, 4],
    "timestamp": [400, 100, 300, 200],
}


def pairs(interactions):
    """Pairs in raw ids, which no encoding can hide behind."""
    users = interactions.raw_user_ids[interactions.user_id].tolist()
    return set(zip(users, interactions.raw_item_ids[interactions.item_id].tolist(), strict=True))


@pytest.fixture
def clicks():
    return pandas.DataFrame(CLICKS)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet"])
def test_every_kind_of_file_gives_the_same(tmp_path, clicks, ending):
    path = tmp_path / f"clicks{ending}"
    if ending == ".parquet":
        clicks.to_parquet(path)
    else:
        clicks.to_csv(path, index=False, sep="\t" if "tsv" in ending else ",")
    read = load(path)
    assert pairs(read) == {("b", "10"), ("a", "9"), ("b", "9"), ("c", "010")}
    assert read.raw_user_ids.tolist() == ["a", "b", "c"]
    assert read.raw_item_ids.tolist() == ["010", "10", "9"]
    assert read.rating.tolist() == [5, 3.5, 1, 4]
    assert read.timestamp.tolist() == [400, 100, 300, 200]
    assert (read.user_id.dtype, read.rating.dtype, read.timestamp.dtype) == (
        np.int32,
        np.float32,
        np.int64,
    )
    assert read.dwell is None


def test_plain_integers_in_text_become_integers_sorted_by_value(tmp_path):
    (tmp_path / "clicks.csv").write_text("user,item\n10,7\n9,7\n-3,8\n")
    read = load(tmp_path / "clicks.csv")
    assert read.raw_user_ids.tolist() == [-3, 9, 10]
    assert read.raw_user_ids.dtype == np.int64
    assert pairs(read) == {(10, 7), (9, 7), (-3, 8)}


def test_spaces_after_separators_belong_to_no_id(tmp_path):
    (tmp_path / "clicks.csv").write_text("user, item\na, x\nb,x\nb, y z\n")
    assert pairs(load(tmp_path / "clicks.csv")) == {("a", "x"), ("b", "x"), ("b", "y z")}


def test_many_rows_are_read_by_the_column(tmp_path):
    rng = np.random.default_rng(0)
    columns = {"user": rng.integers(0, 90_000, 300_000), "item": rng.integers(0, 20_000, 300_000)}
    pandas.DataFrame(columns).to_csv(tmp_path / "clicks.csv", index=False)
    started = time.process_time()
    read = load(tmp_path / "clicks.csv")
    assert time.process_time() - started < 4  # half a second; row by row it would be many
    assert len(read) + read.num_merged == 300_000


def test_ids_that_look_missing_to_pandas_are_ids(tmp_path):
    (tmp_path / "clicks.csv").write_text("user,item\nNA,null\nNone,nan\n")
    assert pairs(load(tmp_path / "clicks.csv")) == {("NA", "null"), ("None", "nan")}


def test_dense_ids_do_not_depend_on_the_order_of_the_rows(clicks):
    first, turned = load(clicks), load(clicks.iloc[::-1])
    np.testing.assert_array_equal(first.raw_item_ids, turned.raw_item_ids)
    np.testing.assert_array_equal(first.user_id, turned.user_id[::-1])


@pytest.mark.parametrize(
    "ids, expected",
    [
        (pandas.Series([3, 1, 3], dtype="int16"), [1, 3]),
        (pandas.Series([3, 1, 3], dtype="Int64"), [1, 3]),
        (pandas.Series([3.0, 1.0, 3.0]), [1, 3]),
        (pandas.Series(["x", "y", "x"], dtype="category"), ["x", "y"]),
        (pandas.Series([3, 1, 3], dtype="category"), [1, 3]),
        (pandas.Series([b"\xc3\xa9", b"a", b"a"]), ["a", "é"]),
    ],
)
def test_ids_of_many_kinds(ids, expected):
    read = load(pandas.DataFrame({"user": ids, "item": [1, 2, 3]}))
    assert read.raw_user_ids.tolist() == expected


@pytest.mark.parametrize(
    "times",
    [
        [1_715_934_600, 1_715_934_601, 1_715_934_602],
        [1_715_934_600_000, 1_715_934_601_999, 1_715_934_602_000],
        [1_715_934_600.0, 1_715_934_601.5, 1_715_934_602.0],
        ["1715934600", "1715934601", "1715934602"],
        ["2024-05-17 08:30:00", "2024-05-17 08:30:01", "2024-05-17 08:30:02"],
        ["2024-05-17T10:30:00+02:00", "2024-05-17T08:30:01Z", "2024-05-17T08:30:02.5Z"],
        pandas.to_datetime(["2024-05-17 08:30:00", "2024-05-17 08:30:01", "2024-05-17 08:30:02"]),
        pandas.to_datetime(
            ["2024-05-17 08:30:00", "2024-05-17 08:30:01", "2024-05-17 08:30:02"]
        ).tz_localize("UTC"),
    ],
    ids=["s", "ms", "float", "text", "dates", "zones", "datetime", "datetime-utc"],
)
def test_times_of_many_kinds_become_seconds(times):
    read = load(pandas.DataFrame({"user": [1, 2, 3], "item": [1, 2, 3], "time": times}))
    assert read.timestamp.tolist() == [1_715_934_600, 1_715_934_601, 1_715_934_602]


def test_named_columns_win_over_common_names():
    table = pandas.DataFrame(
        {
            "user": [1, 2],
            "who": ["x", "y"],
            "what": [5, 6],
            "secs": [3, 40],
            "bad": [True, False],
            "rating": [1, 2],
        }
    )
    read = load(
        table,
        user_column="who",
        item_column="what",
        dwell_column="secs",
        is_noisy_column="bad",
        rating_column="",
    )
    assert pairs(read) == {("x", 5), ("y", 6)}
    assert read.dwell.tolist() == [3, 40]
    assert read.is_noisy.tolist() == [True, False]
    assert read.rating is None


@pytest.mark.parametrize("name", ["User-ID", "user_id:token", "USERID", "user id"])
def test_common_names_are_recognised_however_written(name):
    assert load(pandas.DataFrame({name: [1, 2], "item": [1, 2]})).num_users == 2


def test_repeated_pairs_are_merged_counted_and_said(clicks, caplog):
    again = pandas.concat(
        [clicks, clicks.assign(timestamp=[1, 500, 500, 500], rating=2)], ignore_index=True
    )
    with caplog.at_level(logging.WARNING, logger="deca_tf"):
        read = load(again)
    assert len(read) == 4
    assert read.num_merged == 4
    assert sorted(read.rating.tolist()) == [1, 2, 3.5, 4]  # the pair at time 1 keeps its own rating
    assert "Merged 4 repeated (user, item) pairs of 8 rows" in caplog.text


def test_a_user_who_touched_everything_is_said(caplog):
    with caplog.at_level(logging.WARNING, logger="deca_tf"):
        load(pandas.DataFrame({"user": ["x", "x", "y"], "item": [1, 2, 1]}))
    assert "1 users touched every item" in caplog.text
    assert "'x'" in caplog.text


@pytest.mark.parametrize(
    "columns, options, message",
    [
        (
            {"who": [1, 2], "item": [1, 2]},
            {},
            "a column for the users. Received: columns 'who', 'item'. .*`user_column`",
        ),
        ({"1": [1, 2], "5": [3, 4]}, {}, "does the file that was read lack a header row"),
        (
            {"user_idd": [1, 2], "item": [1, 2]},
            {},
            "Name it with `user_column`. Did you mean 'user_idd'",
        ),
        ({"user;item": ["1;2", "3;4"]}, {}, "Received: columns 'user;item'.*The header holds ';'"),
        (
            {"user": [2**63, 1], "item": [1, 2]},
            {},
            r"ids below 2\*\*63, or strings. Received: 9223372036854775808",
        ),
        (
            {"user": [2**70, 1], "item": [1, 2]},
            {},
            r"ids below 2\*\*63, or strings. Received: 11805916",
        ),
        (
            {"user": [b"\xff", b"a"], "item": [1, 2]},
            {},
            "'user' must hold ids.*bytes that are not UTF-8 text",
        ),
        (
            {"user": [1, 2], "item": [1, 2], "time": [1e30, 1]},
            {},
            "'time' must hold finite numbers",
        ),
        (
            {"user": [1, 2], "uid": [1, 2], "item": [1, 2]},
            {},
            "'user', 'uid'. Name one with `user_column`",
        ),
        (
            {"user": [1, 2], "item": [1, 2]},
            {"rating_column": "stars"},
            "Received: rating_column='stars'; the table has",
        ),
        ({"user": [1, 2], "item": [1, 2]}, {"item_column": "itm"}, "Did you mean 'item'"),
        (
            {"user": [1, 2], "item": [1, 2]},
            {"item_column": "user"},
            "'user' is taken by `item_column`",
        ),
        (
            {"user": [1, 2], "item": [1, 2]},
            {"user_column": "user", "item_column": "user"},
            "must name different columns. Received: 'user'",
        ),
        ({"user": [1, 2], "item": [1, 2]}, {"user_column": ""}, "`user_column` must name a column"),
        (
            {"user": ["a", None], "item": [1, 2]},
            {},
            "column 'user'. Received: 1 missing, the first in data row 2",
        ),
        (
            {"user": ["a", "  "], "item": [1, 2]},
            {},
            "column 'user'. Received: 1 missing, the first in data row 2",
        ),
        ({"user": [1, np.nan], "item": [1, 2]}, {}, "column 'user'. Received: 1 missing"),
        ({"user": [1.5, 2], "item": [1, 2]}, {}, "Received: the number 1.5 in data row 1"),
        (
            {"user": [1, 2], "item": [1, 2], "rating": [5, np.nan]},
            {},
            "column 'rating'. Received: 1 missing",
        ),
        (
            {"user": [1, 2], "item": [1, 2], "rating": [5, np.inf]},
            {},
            "finite numbers. Received: .*inf",
        ),
        (
            {"user": [1, 2], "item": [1, 2], "rating": ["5", "good"]},
            {},
            "'rating' must hold finite numbers. Received: 'good'",
        ),
        (
            {"user": [1, 2], "item": [1, 2], "time": ["2024-01-01", "soon"]},
            {},
            "Received: 'soon' in data row 2",
        ),
        (
            {"user": [1, 2], "item": [1, 2], "is_noisy": [0, 2]},
            {},
            "0 .clean. and 1 .noisy.. Received: 2",
        ),
        ({"user": [], "item": []}, {}, "at least one interaction. Received: 0 rows"),
        (
            {"user": [1, 1], "item": [1, 2]},
            {},
            "at least two different users.*Received: 1 in column 'user'",
        ),
        (
            {"user": [1, 2], "item": [1, 1]},
            {},
            "at least two different items.*Received: 1 in column 'item'",
        ),
    ],
)
def test_bad_tables_are_refused(columns, options, message):
    with pytest.raises(ValueError, match=message):
        load(pandas.DataFrame(columns), **options)


@pytest.mark.parametrize("ids", [["a", 1], [True, False], [(1,), (2,)]])
def test_ids_of_mixed_or_odd_kinds_are_refused(ids):
    with pytest.raises(TypeError, match="must hold ids of one kind"):
        load(pandas.DataFrame({"user": pandas.Series(ids, dtype=object), "item": [1, 2]}))


def test_missing_values_in_a_file_are_found(tmp_path):
    (tmp_path / "clicks.csv").write_text("user,item,rating\na,x,5\n,y,4\n")
    with pytest.raises(
        ValueError, match="column 'user'. Received: 1 missing, the first in data row 2"
    ):
        load(tmp_path / "clicks.csv")
    (tmp_path / "clicks.csv").write_text("user,item,rating\na,x,5\nb,y,\n")
    with pytest.raises(
        ValueError, match="column 'rating'. Received: 1 missing, the first in data row 2"
    ):
        load(tmp_path / "clicks.csv")


@pytest.mark.parametrize(
    "name, content, message",
    [
        (
            "clicks.csv",
            b"PAR1\x15\x04",
            "must be CSV text, as its name says. Received: a Parquet file",
        ),
        ("clicks.csv", b"\x1f\x8b\x08", "Received: a gzip file"),
        ("clicks.csv", b"PK\x03\x04rest", "Received: a zip archive or spreadsheet"),
        ("clicks.csv", b"\n <!DOCTYPE html><html>", "Received: an HTML or XML page"),
        (
            "clicks.tsv",
            b"user\0item",
            "must be TSV text, as its name says. Received: a binary file",
        ),
        (
            "clicks.parquet",
            b"user,item\n1,2\n",
            "must be Parquet, as its name says. Received: a text file",
        ),
        (
            "clicks.parquet",
            b"PAR1 then nonsense",
            "must be Parquet, as its name says. Received: ArrowInvalid",
        ),
        ("clicks.csv.gz", b"user,item\n1,2\n", "Received: a file that is not gzipped"),
        ("clicks.csv.gz", b"\x1f\x8bnonsense", "Received: a binary file"),
        ("clicks.csv.gz", gzip.compress(b"<html>", mtime=0), "Received: an HTML or XML page"),
        ("clicks.csv", b"user,item\n\xff\xfe\xfa,2\n", "Received: UnicodeDecodeError"),
        ("clicks.csv", b"", "Received: an empty file"),
        ("clicks.csv", b"user,item\n", "at least one interaction"),
        ("clicks.csv", b"user\titem\n1\t2\n", r"The header holds '.t'"),
        (
            "clicks.csv",
            b"user,item\n1,2\n3,4,5\n",
            "must be CSV text, .*Received: ParserError: .* line 3, saw 3",
        ),
        (
            "clicks.csv",
            b"user,item\n1,2,3\n4,5,6\n",
            "Received: ParserWarning: rows have more fields than the header",
        ),
        (
            "clicks.csv",
            b"user,user,item\n1,2,3\n4,5,6\n",
            "which column holds the user_id.*'user', 'user'. Rename one",
        ),
        ("clicks.xlsx", b"PK\x03\x04", "must end in one of .csv, .csv.gz"),
    ],
)
def test_files_that_are_not_what_their_name_says(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(path)


def test_a_truncated_gzip_is_refused(tmp_path):
    whole = gzip.compress(
        ("user,item\n" + "\n".join(f"{n},{n * 7919 % 1000}" for n in range(20_000))).encode()
    )
    (tmp_path / "clicks.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="must be gzipped CSV text, as its name says"):
        load(tmp_path / "clicks.csv.gz")
