"""Which column holds what.

The plainest name wins, two equally plain are refused, one line says what was chosen.
"""

import logging

import pandas
import pytest

from deca_tf.data import load
from deca_tf.data.titles import read_titles


def said_of(table, caplog, **options):
    """The line that says what was read from where."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="deca_tf"):
        load(table, **options)
    return next(record.getMessage() for record in caplog.records if record.levelname == "INFO")


def frame(*names):
    """Three rows in which every column could hold ids or times."""
    return pandas.DataFrame({name: [1, 2, 3] for name in names})


def test_a_log_as_it_comes_is_read_without_options(tmp_path, caplog):
    header = "timestamp,eventType,contentId,personId,sessionId,userAgent\n"
    (tmp_path / "clicks.csv").write_text(f'{header}7,VIEW,-3,5,9,"Mozilla, 5"\n8,LIKE,4,6,9,\n')
    assert said_of(tmp_path / "clicks.csv", caplog) == (
        "clicks.csv: users from 'personId', items from 'contentId', times from 'timestamp' (seconds "
        "since 1970); not read: 'eventType', 'sessionId', 'userAgent'."
    )


@pytest.mark.parametrize(
    ("names", "user", "item"),
    [
        (("user", "user_id", "item", "itemId"), "user_id", "itemId"),
        (("customer_id", "user", "sku", "item"), "user", "item"),
        (("Customer ID", "Customer", "PRODUCT", "Product-ID"), "Customer ID", "Product-ID"),
        (("visitorid", "itemid", "event"), "visitorid", "itemid"),
        (("reviewerID", "asin", "overall"), "reviewerID", "asin"),
        (("User-ID", "ISBN", "Book-Rating"), "User-ID", "ISBN"),
        (("member", "url", "page_number"), "member", "url"),
    ],
)
def test_the_plainest_name_wins(names, user, item, caplog):
    assert f"users from {user!r}, items from {item!r}" in said_of(frame(*names), caplog)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("visitor_id", "customer_id", "item"), "'visitor_id', 'customer_id'. .*`user_column`"),
        (("user", "product_id", "sku"), "'product_id', 'sku'. .*`item_column`"),
        (("user", "item", "date", "time"), "'date', 'time'. .*`timestamp_column=''` to read none"),
    ],
)
def test_two_equally_plain_names_are_refused(names, message):
    with pytest.raises(ValueError, match=message):
        load(frame(*names))


def test_a_named_column_settles_it_and_what_is_named_for_one_purpose_is_not_guessed_for_another(
    caplog,
):
    table = frame("visitor_id", "customer_id", "item")
    assert "users from 'customer_id'" in said_of(table, caplog, user_column="customer_id")
    table = frame("user_id", "customer_id", "item")
    with pytest.raises(ValueError, match="a column for the items"):
        load(frame("user", "item"), user_column="item")
    assert "items from 'user_id'" in said_of(
        table, caplog, item_column="user_id", user_column="item"
    )


def test_both_columns_that_lack_are_said_at_once():
    message = "the users and one for the items.*'who', 'what'.*`user_column` and `item_column`"
    with pytest.raises(ValueError, match=message):
        load(frame("who", "what"))


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        ([1_700_000_000] * 3, "seconds since 1970"),
        ([1_700_000_000_000] * 3, "milliseconds since 1970"),
        (["2024-05-17", "2024-05-18", "2024-05-19"], "dates"),
    ],
)
def test_what_times_were_taken_for_is_said(times, unit, caplog):
    table = frame("user", "item").assign(created_at=times)
    assert f"times from 'created_at' ({unit})" in said_of(table, caplog)


def test_a_weight_is_read_only_if_named():
    weighted = frame("user", "item").assign(weight=[0.5, 2, -1])
    assert getattr(load(weighted), "weight", None) is None
    message = "weights of at least 0. Received: -1.0 in data row 3. .*`weight_column`"
    with pytest.raises(ValueError, match=message):
        load(weighted, weight_column="weight")
    with pytest.raises(ValueError, match="a weight above 0.* Received: 0 in every row"):
        load(weighted.assign(weight=0), weight_column="weight")


@pytest.mark.parametrize(
    ("repeats", "weight", "said"),
    [
        ("first", [1, 4], "the earliest row of each was kept"),
        ("last", [2, 4], "the latest row of each was kept"),
        ("sum", [3, 4], "the weights of each were summed"),
    ],
)
def test_repeats_are_merged_as_asked_and_that_is_said(repeats, weight, said, caplog):
    table = pandas.DataFrame({"user": [1, 1, 2], "item": [5, 5, 6], "w": [1, 2, 4]})
    read = load(table, weight_column="w", repeats=repeats)
    assert read.weight.tolist() == weight
    assert f"Merged 1 repeated (user, item) pairs of 3 rows; {said}." in caplog.text
    assert load(table, repeats="count").weight.tolist() == [2, 1]


def test_how_repeats_may_be_merged():
    with pytest.raises(ValueError, match="`repeats` must be one of 'first', .*Did you mean 'sum'"):
        load(frame("user", "item"), repeats="summ")


@pytest.mark.parametrize(
    "text",
    [
        "196,242,3,881250949\n186,302,3,891717742\n",
        "anna,matrix\nbob,matrix\nanna,up\n",
        "anna,2024-05-17\nbob,2024-05-18\n",
    ],
)
def test_a_missing_header_is_noticed(text, tmp_path):
    (tmp_path / "clicks.csv").write_text(text)
    for options in ({}, {"user_column": "1", "item_column": "2"}):
        with pytest.raises(ValueError, match="looks like data: .*`header=False`.*`user_column=1`"):
            load(tmp_path / "clicks.csv", **options)


@pytest.mark.parametrize("header", ["who,what", ",who,what", "0,1,2"])
def test_a_header_of_odd_names_is_none_the_less_one(header, tmp_path):
    (tmp_path / "clicks.csv").write_text(f"{header}\n7,a,x\n8,b,y\n")
    with pytest.raises(ValueError) as error:
        load(tmp_path / "clicks.csv", user_column="whom")
    assert "looks like data" not in str(error.value)


@pytest.mark.parametrize("item", [2, "2"])
def test_without_a_header_columns_have_numbers(item, tmp_path):
    (tmp_path / "u.data").write_text(
        "196\t242\t3\t881250949\n196\t302\t4\t881250950\n7\t242\t1\t9\n"
    )
    read = load(
        tmp_path / "u.data",
        separator="tab",
        header=False,
        user_column=1,
        item_column=item,
        rating_column=3,
        timestamp_column=4,
    )
    assert read.raw_user_ids.tolist() == [7, 196]
    assert read.raw_item_ids.tolist() == [242, 302]
    assert read.rating.tolist() == [3, 4, 1]
    with pytest.raises(
        ValueError, match="columns '1', '2', '3', '4'.*first row holds '196', '242'"
    ):
        load(tmp_path / "u.data", separator="tab", header=False)


@pytest.mark.parametrize(
    ("separator", "written"), [(";", ";"), ("::", "::"), ("tab", "\t"), ("\\t", "\t"), ("|", "|")]
)
def test_a_separator_can_be_named(separator, written, tmp_path):
    rows = [("User-ID", "ISBN", "Book-Rating"), ("7", "034", "0"), ("8", "195", "5")]
    (tmp_path / "ratings.dat").write_text("\n".join(map(written.join, rows)))
    read = load(tmp_path / "ratings.dat", separator=separator)
    assert read.raw_item_ids.tolist() == ["034", "195"]
    assert read.rating.tolist() == [0, 5]


def test_a_separator_that_the_name_does_not_tell_is_suggested(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::1193::5\n2::661::3\n")
    with pytest.raises(
        ValueError, match="a text file with '::' in its first line.*`separator='::'`"
    ):
        load(tmp_path / "ratings.dat")
    (tmp_path / "ratings.csv").write_text("user;item\n1;2\n2;3\n")
    with pytest.raises(ValueError, match="The header holds ';'.*`separator=';'`"):
        load(tmp_path / "ratings.csv")
    with pytest.raises(ValueError, match="`separator` must be the text"):
        load(tmp_path / "ratings.csv", separator="")


def test_header_and_separator_are_of_text_files(tmp_path):
    frame("user", "item").to_parquet(tmp_path / "clicks.parquet")
    for options in ({"header": False}, {"separator": ";"}):
        with pytest.raises(ValueError, match="Parquet files have named columns"):
            load(tmp_path / "clicks.parquet", **options)
        with pytest.raises(ValueError, match="are of text files. Received: a DataFrame"):
            load(frame("user", "item"), **options)


def test_empty_and_repeated_names_of_other_columns_do_no_harm(tmp_path):
    (tmp_path / "clicks.csv").write_text(",x,USER , Item,x\n0,a,007,1,b\n1,a,008,2,b\n")
    read = load(tmp_path / "clicks.csv")
    assert read.raw_user_ids.tolist() == ["007", "008"]
    assert read.raw_item_ids.tolist() == [1, 2]


@pytest.mark.parametrize("header", [",item_id,title", "Unnamed: 0,item_id,title"])
def test_titles_as_pandas_writes_them_with_an_index(header, tmp_path):
    (tmp_path / "titles.csv").write_text(f"{header}\n0,501,Blue\n1,502,Red\n")
    assert read_titles(tmp_path / "titles.csv") == {"501": "Blue", "502": "Red"}


def test_an_index_of_a_parquet_file_is_a_column_too(tmp_path):
    table = frame("item").assign(user=["c", "a", "b"])
    table.set_index("user").to_parquet(tmp_path / "clicks.parquet")
    assert load(tmp_path / "clicks.parquet").raw_user_ids.tolist() == ["a", "b", "c"]
