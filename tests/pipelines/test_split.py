"""Transform and Split: what they write is what `deca_tf.data` makes of the same log in memory."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import PipelineOptions

from deca_tf.data import Split, load, load_split, split_hash
from deca_tf.data.shards import open_shards, read_shards
from pipelines.run import run_pipeline
from pipelines.settings import InputSettings, Settings, SplitSettings
from pipelines.step import Context
from pipelines.steps.split import SplitStep, rank_of, way
from pipelines.steps.transform import vocabulary
from pipelines.store import digest

PARTS = ("train", "validation", "test")


def shards_of(settings, done):
    return settings.root / done["Split"].outputs["shards"]


def graph_of(settings, done):
    return settings.root / done["Transform"].outputs["transform_graph"]


def raw(rows):
    """Rows in raw ids, all as text, in an order of their own."""
    columns = [
        rows.raw_user_ids[rows.user_id].astype(str),
        rows.raw_item_ids[rows.item_id].astype(str),
    ]
    columns += [] if rows.timestamp is None else [rows.timestamp]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def assert_equal(found, expected):
    for part in PARTS:
        assert raw(getattr(found, part)) == raw(getattr(expected, part)), part
    for name in ("raw_user_ids", "raw_item_ids"):
        ours, theirs = getattr(found.train, name), getattr(expected.train, name)
        assert sorted(ours.tolist()) == sorted(theirs.astype(str).tolist())


def in_memory(log, **options):
    """The same log, split in memory; equal times in order of the item, as the step has them."""
    log = log.assign(length=log["item"].str.len()).sort_values(
        ["time", "user", "length", "item"], kind="stable"
    )
    options = {"by": "chronological-per-user", **options}
    return load_split(log.drop(columns="length"), user_column="user", item_column="item", **options)


def test_equals_the_split_in_memory(accepted, log):
    _, settings, done = accepted
    expected = in_memory(log, timestamp_column="time")
    assert min(len(getattr(expected, part)) for part in PARTS) > 50
    found = read_shards(shards_of(settings, done))
    assert_equal(found, expected)
    assert found.protocol == "clean"
    assert done["Transform"].notes["merged"] == expected.leaks.merged == 778
    assert done["Split"].notes == {"rows": 2000, **open_shards(shards_of(settings, done)).rows}


def test_the_same_rows_give_the_same_bytes(accepted, tmp_path):
    """Or a training would be done anew for nothing."""
    _, settings, done = accepted
    inputs = {name: settings.root / path for name, path in _inputs(done).items()}
    SplitStep().run(inputs, {"shards": tmp_path}, Context(settings, None, PipelineOptions([])))
    assert digest(tmp_path) == done["Split"].digests["shards"]


def _inputs(done):
    return {name: done["Transform"].outputs[name] for name in SplitStep.inputs}


def test_train_is_in_random_order_over_all_shards(accepted):
    _, settings, done = accepted
    shards = open_shards(shards_of(settings, done))
    files = shards.files("train")
    assert len(files) == len(shards.files("test")) == settings.split.shards
    lengths = []
    for file in files:
        (record,) = tf.data.TFRecordDataset(file, "GZIP").as_numpy_iterator()
        feature = tf.train.Example.FromString(record).features.feature
        user, time = (np.array(feature[name].int64_list.value) for name in ("user_id", "timestamp"))
        lengths.append(len(user))
        assert len(np.unique(user)) > 60, "users are spread over the shards"
        for order in (user, time):
            assert abs(np.corrcoef(np.arange(len(order)), order)[0, 1]) < 0.25
    assert sum(lengths) == shards.rows["train"]
    assert min(lengths) > 0.7 * max(lengths)


def test_vocabularies_begin_with_most_clicks(accepted, log):
    _, settings, done = accepted
    pairs = log.drop_duplicates(["user", "item"])
    for name, column in (("user_id", "user"), ("item_id", "item")):
        clicks = pairs[column].value_counts()
        found = vocabulary(graph_of(settings, done), name)
        assert clicks[found].tolist() == sorted(clicks.tolist(), reverse=True)


def test_the_graph_maps_raw_ids_at_serving(accepted, tmp_path):
    _, settings, done = accepted
    graph = tft.TFTransformOutput(str(graph_of(settings, done)))

    class Server(tf.Module):
        def __init__(self):
            self.graph = graph
            self.loaded = graph.transform_features_layer()

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "user_id")])
        def dense(self, user_id):
            return self.graph.transform_raw_features(
                {"user_id": user_id}, drop_unused_features=True
            )

    server = Server()
    tf.saved_model.save(server, str(tmp_path / "1"), signatures=server.dense)
    shards = read_shards(shards_of(settings, done))
    known = shards.train.raw_user_ids
    answer = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"](
        user_id=tf.constant([*known, "nobody", ""])
    )
    assert answer["user_id"].numpy().tolist() == [*range(len(known)), -1, -1]
    both = graph.transform_raw_features(
        {"user_id": tf.constant(["nobody"]), "item_id": tf.constant([shards.train.raw_item_ids[7]])}
    )
    assert (both["user_id"].numpy().tolist(), both["item_id"].numpy().tolist()) == ([-1], [7])


@pytest.fixture(scope="module")
def cored(log, settings_of, tmp_path_factory):
    """A pipeline with every setting of the two steps, over a log with rows that lack an id."""
    folder = tmp_path_factory.mktemp("cored")
    log = pd.concat([log, log[:20].assign(user=None)])
    log.to_parquet(folder / "log.parquet")
    settings = settings_of(folder, "log.parquet", rating_column="rating")
    settings.validation.max_missing = 0.1
    settings.transform.min_user_clicks, settings.transform.min_item_clicks = 8, 6
    settings.split = SplitSettings(
        fractions=(0.6, 0.2, 0.2), clean_test="rating >= 3", shards=2, name="cored"
    )
    return settings, run_pipeline(settings, until="Split")


def test_what_is_left_by_the_k_core_is_split_and_the_test_is_clean(cored, log):
    settings, done = cored
    log = log.assign(length=log["item"].str.len())
    left = log.sort_values(["time", "user", "length", "item", "rating"]).drop_duplicates(
        ["user", "item"]
    )
    for _ in range(20):
        left = left[left["user"].map(left["user"].value_counts()) >= 8]
        left = left[left["item"].map(left["item"].value_counts()) >= 6]
    assert 900 < len(left) < len(log.drop_duplicates(["user", "item"]))
    options = {"fractions": (0.6, 0.2, 0.2), "clean_test": "rating >= 3"}
    expected = in_memory(left, timestamp_column="time", **options)
    found = read_shards(shards_of(settings, done))
    assert_equal(found, expected)
    assert found.train.rating is None and found.name == "cored"
    assert done["Transform"].notes["stable"] and done["Transform"].notes["pairs"] == len(left)
    # Items that a raw click names and the core lacks are not served.
    lost = (set(log["item"]) - set(left["item"])).pop()
    graph = tft.TFTransformOutput(str(graph_of(settings, done)))
    answer = graph.transform_raw_features(
        {"item_id": tf.constant([lost])}, drop_unused_features=True
    )
    assert answer["item_id"].numpy().tolist() == [-1]


def run_split(accepted, **settings):
    """The step alone, on what Transform made of the first span."""
    _, given, _ = accepted
    given = given.model_copy(update={"split": SplitSettings(**settings)})
    return read_shards(shards_of(given, run_pipeline(given, "Split")))


def test_a_split_by_hash_is_that_in_memory(accepted, log):
    found = run_split(accepted, by="hash", seed=5)
    whole = load(log, user_column="user", item_column="item", timestamp_column="time")
    assert_equal(found, Split(*split_hash(whole, seed=5), protocol="clean", name="log"))


def test_parts_that_come_out_empty_are_refused(accepted):
    with pytest.raises(
        ValueError,
        match="The validation split must not be empty. Received: 2,000 clicks, by='chronol",
    ):
        run_split(accepted, fractions=(0.998, 0.001, 0.001))


@pytest.mark.parametrize(
    "given, settings, said",
    [
        (
            {},
            {"by": "chronological-per-user"},
            "`input.timestamp_column` must be set for a chronological split",
        ),
        ({}, {"clean_test": "rating >= 5"}, "`clean_test` must name a column that the data has"),
        ({}, {"fractions": (0.8, 0.1, 0.2)}, "`fractions` must be three positive shares"),
        ({}, {"clean_test": "rating"}, "`clean_test` must read `column operator number`"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_work(given, settings, said):
    with pytest.raises(ValueError, match=said):
        way(SplitSettings(**settings), InputSettings(files=["log.csv"], **given))


def test_without_times_the_split_is_by_hash():
    assert way(SplitSettings(), InputSettings(files=["a.csv"])) == "hash"
    assert (
        way(SplitSettings(), InputSettings(files=["a.csv"], timestamp_column="t"))
        == "chronological-per-user"
    )


def test_numbers_rank_in_their_own_order():
    raw_ids = np.array(["10", "9", "100", "2", "b", "a"])
    assert rank_of(raw_ids).tolist() == [4, 1, 5, 0, 3, 2]


def test_movielens_is_that_in_memory(data_dir, tmp_path):
    lines = pathlib.Path(data_dir, "movielens", "u.data").read_text()
    (tmp_path / "u.tsv").write_text("user\titem\trating\ttime\n" + lines)
    (tmp_path / "ml.toml").write_text(
        'root = "artifacts"\n[input]\nfiles = ["u.tsv"]\nuser_column = "user"\nitem_column = "item"\n'
        'timestamp_column = "time"\nrating_column = "rating"\n[validation]\nmax_bot_rows = 1.0\n'
        '[split]\nclean_test = "rating >= 5"\n'
    )
    settings = Settings.read(tmp_path / "ml.toml")
    done = run_pipeline(settings, until="Split")
    found = read_shards(shards_of(settings, done))
    assert_equal(found, load_split("ml-100k-raw", data_dir=data_dir))
    assert (
        sum(
            json.loads((shards_of(settings, done) / "interactions.json").read_text())[
                "rows"
            ].values()
        )
        < 100_000
    )
