"""The registry: names found, the nearest suggested, options checked.

No import loads TensorFlow.
"""

import ast
import subprocess
import sys

import numpy as np
import pandas
import pytest

import deca_tf.data
from deca_tf.data import load, load_split
from deca_tf.data.sources import SOURCES, protocol_of
from deca_tf.testing import check_source


def frame(rows=200):
    rng = np.random.default_rng(0)
    pairs = rng.permutation(20 * 30)[:rows]
    return pandas.DataFrame(
        {"user": pairs // 30, "item": pairs % 30, "stars": rng.integers(1, 6, rows)}
    )


LOADED = "print({'tensorflow', 'keras', 'tensorflow_datasets', 'pandas'} & set(sys.modules))"


def loaded_after(code):
    """Which of the heavy packages a fresh interpreter has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; {LOADED}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.strip().replace("set()", "()"))


@pytest.mark.parametrize("module", ["deca_tf.data", "deca_tf.data.sources"])
def test_importing_data_brings_no_tensorflow(module):
    assert not loaded_after(f"import {module}")


def test_no_source_brings_tensorflow_until_it_needs_it(tmp_path):
    frame().to_csv(tmp_path / "clicks.csv", index=False)
    modules = sorted(
        {row.where for row in SOURCES.values()}
        | {"tables", "_table_files", "_verified_files", "_downloads"}
    )
    code = "; ".join(
        [
            *(f"import deca_tf.data.sources.{module}" for module in modules),
            "deca_tf.data.load_split('synthetic', num_users=30, num_items=20, num_clicks=200, "
            "clean_test='')",
            f"deca_tf.data.load({str(tmp_path / 'clicks.csv')!r})",
        ]
    )
    assert loaded_after(code) == {"pandas"}


@pytest.mark.parametrize("name", SOURCES)
def test_contract(name, request):
    """Of what needs no files; the public data sets where they lie."""
    if name == "shards":
        pytest.skip("a folder of shards is made in test_shards.py")
    options = {"num_users": 60, "num_items": 50, "num_clicks": 900} if name == "synthetic" else {}
    if SOURCES[name].where == "movielens" and name != "ml-100k-raw":
        pytest.skip("TensorFlow Datasets would download it")
    if name == "electronics":
        pytest.skip("it takes minutes")
    own = None if name == "synthetic" else request.getfixturevalue("data_dir")
    check_source(name, options=options, data_dir=own)


def test_unknown_name_lists_the_names_and_the_nearest():
    with pytest.raises(
        ValueError,
        match="'ml-100k'.*synthetic.*.parquet. Received: dataset='modcloths'. Did you mean 'modcloth'?",
    ):
        load_split("modcloths")


def test_unknown_attribute():
    with pytest.raises(AttributeError):
        deca_tf.data.loads  # noqa: B018


def test_a_source_of_the_wrong_kind():
    with pytest.raises(TypeError, match="Received: dataset of type int"):
        load_split(5)


@pytest.mark.parametrize(
    "name", [name for name, row in SOURCES.items() if row.where == "deca_release"]
)
def test_released_sets_take_no_split_options(name):
    with pytest.raises(
        ValueError, match="comes already split.*by='random', clean_test='rating >= 5'"
    ):
        load_split(name, by="random", clean_test="rating >= 5")
    with pytest.raises(ValueError, match="comes already split.*load_split"):
        load(name)


@pytest.mark.parametrize("dataset", ["synthetic", "ml-100k-raw", frame()])
def test_protocol_paper_is_refused_where_there_is_none(dataset):
    with pytest.raises(ValueError, match="`protocol='paper'` exists only for"):
        load_split(dataset, protocol="paper")


def test_unknown_protocol():
    with pytest.raises(
        ValueError,
        match="`protocol` must be one of 'clean', 'paper', 'timeline'. .*'cleen'. Did you mean 'clean'",
    ):
        load_split("synthetic", protocol="cleen")


def test_unknown_option_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'num_users'"):
        load_split("synthetic", num_user=10)
    with pytest.raises(ValueError, match="Did you mean 'rating_column'"):
        load_split(frame(), ratings_column="stars")


def test_a_frame_without_times_is_split_at_random():
    first, again, other = (load_split(frame(), seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.test.pair_key, again.test.pair_key)
    assert set(first.test.pair_key) != set(other.test.pair_key)
    assert (first.name, first.protocol) == ("table", "clean")


def test_a_table_with_times_is_split_on_its_timeline():
    table = frame().assign(time=np.arange(200)[::-1])
    whole = load_split(table)
    assert whole.protocol == "timeline"
    assert tuple(len(getattr(whole, part)) for part in ("train", "validation", "test")) == (
        160,
        20,
        20,
    )
    assert whole.train.timestamp.max() < whole.validation.timestamp.min()
    assert whole.validation.timestamp.max() < whole.test.timestamp.min()
    earlier = load_split(table, windows_back=1)
    assert earlier.test.timestamp.tolist() == list(range(160, 180))[::-1]


def test_a_way_to_split_and_a_protocol_that_are_named_count():
    table = frame().assign(time=np.arange(200))
    per_user = load_split(table, by="chronological-per-user")
    assert per_user.protocol == "clean"
    for user in np.unique(per_user.test.user_id):
        assert (
            per_user.train.timestamp[per_user.train.user_id == user].max()
            < per_user.test.timestamp[per_user.test.user_id == user].min()
        )
    clean = load_split(table, protocol="clean")
    np.testing.assert_array_equal(clean.test.pair_key, per_user.test.pair_key)
    assert load_split(table, timestamp_column="").protocol == "clean"
    with pytest.raises(ValueError, match="`by` must be unset under protocol 'timeline'"):
        load_split(table, protocol="timeline", by="random")
    with pytest.raises(ValueError, match="'timeline' requires a `timestamp`.*`timestamp_column`"):
        load_split(frame(), protocol="timeline")


def test_the_released_split_per_user_is_what_it_was(data_dir):
    """The digest of MovieLens-100k's default split before there was a timeline."""
    whole = load_split("ml-100k-raw", data_dir=data_dir)
    assert (whole.protocol, len(whole.train), len(whole.test)) == ("clean", 80_000, 1_770)
    assert whole.fingerprint.startswith("a3dd6ef966788a1f")
    table = load_split(
        data_dir / "movielens" / "u.data",
        by="chronological-per-user",
        separator="tab",
        header=False,
        user_column=1,
        item_column=2,
        rating_column=3,
        timestamp_column=4,
        clean_test="rating >= 5",
    )
    assert len(table.train) == len(whole.train)


def test_the_protocol_of_a_table_is_in_its_header(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,time\n")
    assert protocol_of(path) == "timeline"
    assert protocol_of(str(path), timestamp_column="") == "clean"
    assert protocol_of(path, by="random") == "clean"
    assert protocol_of(path, protocol="clean") == "clean"
    assert protocol_of("synthetic") == protocol_of("ml-100k") == "clean"
    with pytest.raises(ValueError, match="takes the options .*Did you mean 'user_column'"):
        protocol_of(path, users_column="user")


def test_repeated_clicks_of_a_table_are_merged_on_their_own_side():
    ids = [*range(10), 0, 0]
    table = pandas.DataFrame({"user": ids, "item": ids, "time": [*range(1, 11), 3, 10]})
    whole = load_split(table, repeats="count")
    assert whole.train.weight.tolist() == [2, 1, 1, 1, 1, 1, 1, 1]
    assert whole.test.item_id.tolist() == [9]
    assert (whole.leaks.merged, whole.leaks.dropped) == (1, 1)
    with pytest.raises(ValueError, match="`repeats` must be one of 'first'"):
        load_split(table, repeats="counts")


def test_a_timeline_is_refused_where_there_are_no_times():
    with pytest.raises(
        ValueError, match="requires clicks with times.*'modcloth', which is released.*'ml-100k-raw'"
    ):
        load_split("modcloth", protocol="timeline")
    with pytest.raises(ValueError, match="comes already split.*windows_back=1"):
        load_split("modcloth", windows_back=1)


def test_clean_test_rule_reaches_the_test():
    whole = load_split(frame(), rating_column="stars", clean_test="rating >= 4")
    assert whole.test.rating.min() >= 4
    assert whole.train.rating.min() == 1


def test_a_file_gives_its_name(tmp_path):
    frame().to_csv(tmp_path / "my.clicks.csv", index=False)
    assert load_split(tmp_path / "my.clicks.csv").name == "my"
    assert len(load(str(tmp_path / "my.clicks.csv"))) == 200


def test_an_absent_file():
    with pytest.raises(
        FileNotFoundError, match="The table must be an existing file. Received: 'nothing.csv'"
    ):
        load_split("nothing.csv")


def test_synthetic_goes_by_its_own_clean_rule():
    sizes = {"num_users": 60, "num_items": 50, "num_clicks": 900}
    assert not load_split("synthetic", **sizes).test.is_noisy.any()
    assert load_split("synthetic", clean_test="", **sizes).test.is_noisy.any()


@pytest.mark.parametrize(
    ("option", "meant"),
    [("split_by", "by"), ("fraction", "fractions"), ("clean_tests", "clean_test")],
)
def test_an_unknown_option_is_answered_with_load_splits_own_arguments(option, meant):
    table = pandas.DataFrame({"user_id": [1, 1], "item_id": [1, 2]})
    own = "besides by, fractions, clean_test, seed, protocol, data_dir. "
    with pytest.raises(ValueError, match=f"{own}.*{option}=.* Did you mean '{meant}'"):
        load_split(table, **{option: "hash"})
