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
from deca_tf.data.sources import SOURCES
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
        match="`protocol` must be one of 'clean', 'paper'. .*'cleen'. Did you mean 'clean'",
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


def test_a_frame_with_times_is_split_by_time():
    table = frame().assign(time=np.arange(200))
    whole = load_split(table)
    for user in np.unique(whole.test.user_id):
        assert (
            whole.train.timestamp[whole.train.user_id == user].max()
            < whole.test.timestamp[whole.test.user_id == user].min()
        )


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
