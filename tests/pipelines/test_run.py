"""The whole pipeline on a small log, what it refuses, and what it does not do again."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from pipelines import run
from pipelines.settings import Settings
from pipelines.step import PipelineStopped
from pipelines.steps import ORDER
from pipelines.steps.statistics_gen import read_statistics


def read_rows(folder):
    files = sorted(str(file) for file in folder.rglob("*.gz"))
    rows = []
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        rows.append({name: _value(feature) for name, feature in features.items()})
    return rows


def _value(feature):
    values = getattr(feature, feature.WhichOneof("kind")).value
    return values[0].decode() if isinstance(values[0], bytes) else values[0]


def by_all(frame):
    return frame.sort_values(sorted(frame.columns)).reset_index(drop=True)[sorted(frame.columns)]


def test_examples_are_the_rows(accepted, log):
    _, settings, done = accepted
    rows = pd.DataFrame(read_rows(settings.root / done["ExampleGen"].outputs["examples"]))
    pd.testing.assert_frame_equal(by_all(rows), by_all(log))
    assert done["ExampleGen"].notes["rows"] == 2000


def test_statistics_are_those_of_the_log(accepted, log):
    _, settings, done = accepted
    statistics, feedback = read_statistics(
        settings.root / done["StatisticsGen"].outputs["statistics"]
    )
    assert statistics.num_examples == feedback["rows"] == 2000
    assert (feedback["users"], feedback["items"]) == (log["user"].nunique(), log["item"].nunique())
    assert feedback["duplicates"] == log.duplicated(["user", "item"]).sum() > 0
    assert feedback["item_degree"]["max"] == log["item"].value_counts().max()
    features = {feature.path.step[0]: feature for feature in statistics.features}
    assert features["rating"].num_stats.mean == pytest.approx(log["rating"].mean())
    assert features["rating"].num_stats.std_dev == pytest.approx(log["rating"].std(ddof=0))
    assert features["item"].string_stats.unique == log["item"].nunique()


def test_nothing_is_done_twice(accepted):
    _, settings, done = accepted
    assert run.run_pipeline(settings, until="Split") == done


@pytest.mark.parametrize("file", ["log.tsv", "log.jsonl", "log.parquet", "log.tfrecord"])
def test_every_format_gives_the_same_examples(file, log, settings_of, tmp_path):
    if file.endswith("tsv"):
        log.to_csv(tmp_path / file, index=False, sep="\t")
    elif file.endswith("jsonl"):
        log.to_json(tmp_path / file, orient="records", lines=True)
    elif file.endswith("parquet"):
        log.to_parquet(tmp_path / file)
    else:
        with tf.io.TFRecordWriter(str(tmp_path / file)) as writer:
            for row in log.to_dict("records"):
                ids = {
                    name: tf.train.BytesList(value=[row[name].encode()])
                    for name in ("user", "item")
                }
                numbers = {
                    name: tf.train.Int64List(value=[row[name]]) for name in ("rating", "time")
                }
                features = {name: tf.train.Feature(bytes_list=value) for name, value in ids.items()}
                features |= {
                    name: tf.train.Feature(int64_list=value) for name, value in numbers.items()
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    settings = settings_of(tmp_path, file)
    done = run.run_pipeline(settings, "ExampleGen")
    rows = pd.DataFrame(read_rows(settings.root / done["ExampleGen"].outputs["examples"]))
    pd.testing.assert_frame_equal(by_all(rows), by_all(log))


def test_ids_stay_as_they_are_written(settings_of, tmp_path):
    rows = [("007", "1"), ("7", "2"), ("10", "3")]
    (tmp_path / "log.csv").write_text(
        "user,item,time\n" + "".join(f"{user},{item},1\n" for user, item in rows)
    )
    settings = settings_of(tmp_path, "log.csv")
    done = run.run_pipeline(settings, "ExampleGen")
    found = read_rows(settings.root / done["ExampleGen"].outputs["examples"])
    assert sorted((row["user"], row["item"]) for row in found) == sorted(rows)


def wrong_type(log):
    return log.assign(rating=log["rating"].astype(str).where(log.index != 1234, "five"))


def new_column(log):
    return log.assign(device="phone")


def half_missing(log):
    return log.iloc[: len(log) // 2]


def other_ids(log):
    return log.assign(
        user=log["user"].str.replace("user ", "customer-"), item=log["item"].str.upper()
    )


def bots(log):
    times = log["time"].iloc[0] + np.linspace(0, 3000, 400).astype(int)
    robot = {"user": "user 1", "item": "Stück 3", "rating": 5, "time": times}
    return pd.concat([log, pd.DataFrame(robot)])


def lost_users(log):
    return log.assign(user=log["user"].where(log.index % 10 > 0))


def lost_items(log):
    return log.assign(item=log["item"].where(log.index % 10 > 0))


@pytest.mark.parametrize(
    "poison, said",
    [
        (
            wrong_type,
            ["| rating | wrong type | It must be INT. Received: BYTES, such as '", "1 anomaly"],
        ),
        (new_column, ["| device | new column | It is not in the schema. |", "1 anomaly"]),
        (
            half_missing,
            ["| number of rows | There must be 0.6 to 10 times as many", "2,000. Received: 1,000"],
        ),
        (
            other_ids,
            [
                "| unknown users | At least 5% of the users must be known",
                "| unknown items |",
                "0.00%",
            ],
        ),
        (bots, ["rows by users with 200 clicks and more within an hour. Received: 17", "| bots |"]),
        (
            lost_items,
            ["| item | missing values |", "| incomplete rows |", "Received: 10.00%, 200 rows."],
        ),
        (
            lost_users,
            ["| user | missing values |", "| incomplete rows |", "Received: 10.00%, 200 rows."],
        ),
    ],
)
def test_poison_is_stopped_with_the_reason(poison, said, accepted, log, settings_of):
    folder, settings, done = accepted
    poison(log).to_csv(folder / f"{poison.__name__}.csv", index=False)
    with pytest.raises(PipelineStopped) as stopped:
        run.run_pipeline(settings_of(folder, f"{poison.__name__}.csv"))
    for part in said:
        assert part in str(stopped.value)
    kept = (settings.root / "ExampleValidator" / "stopped.md").read_text()
    assert kept in str(stopped.value)
    accepted_now = [
        json.loads(file.read_text())
        for file in (settings.root / "lineage").glob("*-ExampleValidator.json")
    ]
    assert {each["inputs"]["statistics"] for each in accepted_now} == {
        done["StatisticsGen"].outputs["statistics"]
    }


def test_the_command_says_what_it_did_and_what_is_wrong(accepted, tmp_path):
    folder = accepted[0]
    config = folder / "clicks.toml"
    text = 'root = "artifacts"\n[input]\nfiles = ["log.csv"]\nuser_column = "user"\nitem_column = "item"\n'
    config.write_text(text + 'timestamp_column = "time"\n')
    done = CliRunner().invoke(run.app, ["--config", str(config), "--until", "Split"])
    assert done.exit_code == 0, done.output
    assert all(f"{name}:" in done.output for name in ORDER[:6]) and "done before" in done.output
    assert not any(name in done.output for name in ORDER[6:])
    (folder / "wrong.toml").write_text(text + "shard = 3\n")
    for arguments, said in (
        (
            ["--config", str(folder / "wrong.toml")],
            "`input.shard`: extra inputs are not permitted. Received: 3.",
        ),
        (["--config", str(tmp_path / "no.toml")], "which does not exist"),
        (["--config", str(config), "--step", "ExampleGenn"], "Did you mean 'ExampleGen'?"),
        (["--config", str(config), "--until", "Splitt"], "Did you mean 'Split'?"),
        (["--config", str(config), "--until", "Split", "--step", "Split"], "must not both be set"),
        (
            ["--config", str(config), "--untill", "Split"],
            "Received: --untill. Did you mean 'until'?",
        ),
    ):
        refused = CliRunner().invoke(run.app, arguments)
        assert refused.exit_code == 2 and said in refused.output.replace("\n", "")


def test_an_error_of_a_worker_process_is_told_without_its_traceback(monkeypatch, tmp_path):
    (tmp_path / "c.toml").write_text('root = "out"\n[input]\nfiles = ["a.csv"]\n')

    def fails(text):
        def run_pipeline(*_, **__):
            raise RuntimeError(text)

        monkeypatch.setattr(run, "run_pipeline", run_pipeline)
        return CliRunner().invoke(run.app, ["--config", str(tmp_path / "c.toml")])

    trace = "Traceback (most recent call last):\n  File 'core.py', line 1\n"
    told = fails(f"{trace}ValueError: `a` must be b.\nReceived: c. [while running 'write ids']\n")
    assert told.exit_code == 2
    assert told.output == "Error: `a` must be b.\nReceived: c. [while running 'write ids']\n"
    for text in (f"{trace}ValueError: cannot reshape", "the worker died"):
        assert isinstance(
            fails(text).exception, RuntimeError
        )  # nobody's fault but ours: shown whole


def test_options_of_beam_are_taken_and_other_runners_may_have_their_own():
    run._check_options(
        ["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode", "in_memory"]
    )
    run._check_options(["--runner=FlinkRunner", "--an_option_of_the_job_server=1"])
    with pytest.raises(
        ValueError, match="Received: --direct_num_worker. Did you mean 'direct_num_workers'"
    ):
        run._check_options(["--runner=DirectRunner", "--direct_num_worker=2"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "There must be some. Received: none."),
        (
            ["u1,i1,", "u2,i1,"],
            "`[input]` names it for the timestamp, and no row has it. Received: item, user.",
        ),
    ],
)
def test_a_log_that_lacks_what_the_settings_name_is_stopped_and_tells_no_schema(
    rows, said, settings_of, tmp_path
):
    (tmp_path / "log.csv").write_text("\n".join(["user,item,time", *rows, ""]))
    settings = settings_of(tmp_path, "log.csv")
    with pytest.raises(PipelineStopped) as stopped:
        run.run_pipeline(settings)
    assert said in str(stopped.value)
    assert (settings.root / "schema.pbtxt").exists() == bool(
        rows
    )  # an empty one would refuse all spans to come


def test_a_mistyped_column_is_named_beside_those_that_there_are(accepted):
    from pipelines.steps.example_validator import against_columns

    _, settings, done = accepted
    statistics, _ = read_statistics(settings.root / done["StatisticsGen"].outputs["statistics"])
    known = {"user_id": "user", "item_id": "item"}
    assert against_columns(statistics, known) == []
    (found,) = against_columns(statistics, {**known, "item_id": "itm"})
    assert found[:2] == ("itm", "missing column")
    assert (
        found[2]
        == "`[input]` names it for the item_id, and no row has it. Received: item, rating, time, user."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'item_column = "user_id"',
            "each `..._column` must be another one. Received: user_id, user_id.",
        ),
        (
            'format = "xlsx"',
            "`input.format`: input should be 'csv', 'tsv', 'jsonl', 'parquet' or 'tfrecord'",
        ),
    ],
)
def test_an_input_that_cannot_be_meant_is_refused(text, said, tmp_path):
    (tmp_path / "c.toml").write_text(f'root = "out"\n[input]\nfiles = ["a.csv"]\n{text}\n')
    with pytest.raises(ValueError) as refused:
        Settings.read(tmp_path / "c.toml")
    assert said in str(refused.value)


def test_paths_start_at_the_settings(tmp_path):
    (tmp_path / "c.toml").write_text(
        'root = "out"\n[input]\nfiles = ["a.csv", "gs://bucket/b.csv"]\n'
    )
    settings = Settings.read(tmp_path / "c.toml")
    assert settings.root == tmp_path / "out"
    assert settings.input.files == [str(tmp_path / "a.csv"), "gs://bucket/b.csv"]
    (tmp_path / "home.toml").write_text('root = "~/out"\n[input]\nfiles = ["~/a.csv"]\n')
    home = Settings.read(tmp_path / "home.toml")
    assert (home.root, home.input.files) == (
        pathlib.Path.home() / "out",
        [str(pathlib.Path.home() / "a.csv")],
    )
