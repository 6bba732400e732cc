"""Rows as BigQuery gives them: in exported files, from its API, and read by Beam."""

import datetime
import decimal
import json

import apache_beam as beam
import pytest
import tensorflow as tf

from pipelines import run
from pipelines.settings import InputSettings, Settings

EXPORTED = [
    {
        "user": {"id": "007"},
        "sku": "1",
        "time": "2026-11-24 08:30:00 UTC",
        "n": "3",
        "price": "1.5",
    },
    {"user": {"id": "8"}, "sku": "2", "time": "2026-11-24T08:30:01.700Z", "n": "4"},
    {"user": {"id": "9"}, "sku": None, "time": None, "n": "5"},
]
ROWS = [
    {"user.id": b"007", "sku": b"1", "time": 1795509000, "n": 3, "price": 1.5},
    {"user.id": b"8", "sku": b"2", "time": 1795509001, "n": 4},
    {"user.id": b"9", "n": 5},
]


def read(settings):
    """The rows that ExampleGen writes, in order of `n`."""
    done = run.run_pipeline(settings, "ExampleGen")["ExampleGen"]
    files = sorted(str(file) for file in (settings.root / done.outputs["examples"]).rglob("*.gz"))
    assert len(files) == settings.input.shards
    rows = []
    for record in tf.data.TFRecordDataset(files, "GZIP"):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        kinds = {name: feature.WhichOneof("kind") for name, feature in features.items()}
        values = {
            name: list(getattr(features[name], kind).value) for name, kind in kinds.items() if kind
        }
        rows.append({name: value[0] for name, value in values.items() if value})
    return sorted(rows, key=lambda row: row["n"])


def settings_of(folder, **source):
    columns = {"user_column": "user.id", "item_column": "sku", "timestamp_column": "time"}
    return Settings(root=folder / "artifacts", input={**source, **columns})


def test_an_export_has_integers_as_text_records_and_dates(tmp_path):
    file = tmp_path / "export-000.json"
    file.write_text("\n".join(map(json.dumps, EXPORTED)) + "\n")
    assert read(settings_of(tmp_path, files=[str(file)])) == ROWS


def test_rows_of_the_api_are_named_by_the_settings(tmp_path):
    rows = [
        ("007", "1", "1.795509E9", "3", "1.5"),
        ("8", "2", "1.7955090017E9", "4", None),
        ("9", None, None, "5", None),
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"f": [{"v": value} for value in row]}) for row in rows))
    fields = ["user.id", "sku", "time", "n", "price"]
    assert read(settings_of(tmp_path, files=[str(file)], fields=fields)) == ROWS
    with pytest.raises(
        Exception, match="rows.jsonl.*`input.fields` must name .* Received: 2 names for 5 columns"
    ):
        read(settings_of(tmp_path, files=[str(file)], fields=fields[:2]))


def test_rows_of_a_query_are_those_of_an_export(tmp_path, monkeypatch):
    utc = datetime.UTC
    rows = [
        {
            "user": {"id": "007"},
            "sku": "1",
            "time": datetime.datetime(2026, 11, 24, 8, 30, tzinfo=utc),
            "n": 3,
            "price": decimal.Decimal("1.5"),
        },
        {
            "user": {"id": "8"},
            "sku": "2",
            "time": datetime.datetime(2026, 11, 24, 8, 30, 1, 700_000, tzinfo=utc),
            "n": 4,
            "price": None,
        },
        {"user": {"id": "9"}, "sku": None, "time": None, "n": 5, "price": None},
    ]
    asked = []

    def source(**arguments):
        asked.append(arguments)
        return beam.Create(rows)

    monkeypatch.setattr(beam.io, "ReadFromBigQuery", source)
    settings = settings_of(tmp_path, query="SELECT * FROM clicks")
    assert read(settings) == ROWS
    assert asked == [{"query": "SELECT * FROM clicks", "use_standard_sql": True}]
    read(settings)
    assert len(asked) == 2, "a query must be asked anew"
    asked.clear()
    assert read(settings_of(tmp_path, table="project.shop.clicks")) == ROWS
    assert asked == [{"table": "project:shop.clicks"}]


@pytest.mark.parametrize("source", [{}, {"files": ["a.csv"], "query": "SELECT 1"}])
def test_there_is_one_source(source):
    with pytest.raises(
        ValueError, match="one of files, table and query must be set, not (none|files and query)"
    ):
        InputSettings(**source)


def test_a_date_that_is_none_is_named(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user.id,sku,time,n\na,b,yesterday,1\n")
    with pytest.raises(
        Exception,
        match="Column 'time' must hold seconds since 1970 or dates .* Received: 'yesterday'",
    ):
        read(settings_of(tmp_path, files=[str(file)]))
