"""The k-core out of memory, against a loop over a data frame."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines import core, examples
from pipelines.settings import TransformSettings

COLUMNS = {"user_id": "user", "item_id": "item"}


@pytest.fixture(scope="module")
def pairs():
    """1,500 clicks, some repeated, of users and items with very different numbers of them."""
    rng = np.random.default_rng(0)
    users, items = ((rng.pareto(0.7, 1500) * 8).astype(int) % 120 for _ in range(2))
    return pd.DataFrame(
        {"user": [f"u{user}" for user in users], "item": [f"i{item}" for item in items]}
    )


def write_examples(frame, folder):
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    (folder / "Split-all").mkdir(parents=True)
    for number, part in enumerate((frame[::2], frame[1::2])):
        lists = [
            examples.lists(pa.array(part[name], pa.large_string()).cast(pa.large_binary()))
            for name in part
        ]
        records = RecordBatchToExamplesEncoder().encode(
            pa.RecordBatch.from_arrays(lists, list(part))
        )
        (folder / "Split-all" / f"data_tfrecord-0000{number}-of-00002.gz").write_bytes(
            examples.compress(records)
        )


@pytest.fixture(scope="module")
def source(pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    write_examples(pairs, folder)
    return folder


def find(source, scratch, **settings):
    scratch.mkdir()
    return core.find_core(
        source, COLUMNS, TransformSettings(**settings), scratch, PipelineOptions([])
    )


def kept(found, name):
    """`{raw id: pairs}` of all groups."""
    all_ids = {}
    for group in range(core.GROUPS):
        texts, counts = found.kept(name, group)
        all_ids |= dict(
            zip((text.decode() for text in texts.to_pylist()), counts.tolist(), strict=True)
        )
    return all_ids


def expected(pairs, min_user, min_item, passes):
    left = pairs.drop_duplicates()
    for _ in range(passes):
        left = left[left["user"].map(left["user"].value_counts()) >= min_user]
        left = left[left["item"].map(left["item"].value_counts()) >= min_item]
    return left


def counts_of(left, column):
    return left[column].value_counts().to_dict()


def test_counts_until_nothing_changes(pairs, source, tmp_path, monkeypatch):
    monkeypatch.setattr(core, "PASSES_AT_ONCE", 2)  # so that it takes more than one pipeline
    found = find(source, tmp_path / "core", min_user_clicks=8, min_item_clicks=8)
    left = expected(pairs, 8, 8, 50)
    assert 0 < len(left) < len(expected(pairs, 8, 8, 3)) < len(pairs)
    assert kept(found, "user_id") == counts_of(left, "user")
    assert kept(found, "item_id") == counts_of(left, "item")
    assert found.notes["stable"] and found.notes["passes"] > 3
    assert found.notes["pairs"] == len(left)
    assert found.notes["merged"] == pairs.duplicated().sum() > 0


def test_one_pass_is_a_threshold_and_says_that_it_is_not_stable(pairs, source, tmp_path):
    found = find(source, tmp_path / "core", min_user_clicks=8, min_item_clicks=8, max_passes=1)
    left = expected(pairs, 8, 8, 1)
    assert counts_of(left, "user") == kept(found, "user_id")
    assert counts_of(left, "item") == kept(found, "item_id")
    assert min(kept(found, "user_id").values()) < 8
    assert (found.notes["passes"], found.notes["stable"]) == (1, False)


@pytest.mark.parametrize(
    "frame, settings, said",
    [
        (
            {"user": ["a", "b"], "item": ["x", "y"]},
            {"min_user_clicks": 2},
            "Received: none, with min_user_clicks=2",
        ),
        ({"user": ["a\nb", "b"], "item": ["x", "y"]}, {}, "must not hold line ends.* b'a.nb'"),
        ({"user": [], "item": []}, {}, "Some clicks must be left"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(frame, settings, said, tmp_path):
    write_examples(pd.DataFrame(frame, dtype=object), tmp_path / "examples")
    with pytest.raises(Exception, match=said):
        find(tmp_path / "examples", tmp_path / "core", **settings)
