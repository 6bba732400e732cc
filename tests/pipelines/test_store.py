"""Artifacts are whole or absent, and equal work is found again."""

import pytest

from pipelines.step import Step
from pipelines.store import Store, digest, key_of


def publish(store, key="key", text="x"):
    def write(outputs):
        (outputs["out"] / "file").write_text(text)
        return {"rows": 3}

    return store.publish("Step", key, {}, ("out",), write)


def test_an_artifact_lies_where_tfx_would_put_it(tmp_path):
    store = Store(tmp_path)
    execution = publish(store)
    assert (tmp_path / "Step" / "out" / "1" / "file").read_text() == "x"
    assert store.find("Step", "key") == execution
    assert execution.notes == {"rows": 3} and execution.digests == {"out": digest(tmp_path / "Step" / "out" / "1")}
    assert store.find("Step", "another key") is None


def test_a_step_that_fails_leaves_nothing(tmp_path):
    def fail(outputs):
        (outputs["out"] / "half").write_text("x")
        raise KeyError("no")

    with pytest.raises(KeyError):
        Store(tmp_path).publish("Step", "key", {}, ("out",), fail)
    assert list((tmp_path / "Step" / "out").iterdir()) == []
    assert Store(tmp_path).executions() == []


def test_an_artifact_without_lineage_does_not_count_and_keeps_its_number(tmp_path):
    (tmp_path / "Step" / "out" / "7").mkdir(parents=True)  # the process died between the two
    store = Store(tmp_path)
    assert store.executions() == []
    assert publish(store).outputs == {"out": "Step/out/8"}


def test_an_artifact_that_was_deleted_is_made_again(tmp_path):
    store = Store(tmp_path)
    publish(store)
    (tmp_path / "Step" / "out" / "1" / "file").unlink()
    (tmp_path / "Step" / "out" / "1").rmdir()
    assert store.find("Step", "key") is None


def test_a_key_depends_on_all_that_a_result_does():
    class One(Step):
        name = "One"

    class Newer(One):
        version = 2

    keys = [
        key_of(One(), {"a": 1}, {"x": "d"}),
        key_of(One(), {"a": 2}, {"x": "d"}),
        key_of(One(), {"a": 1}, {"x": "e"}),
        key_of(Newer(), {"a": 1}, {"x": "d"}),
    ]
    assert len(set(keys)) == 4
    assert key_of(One(), {"a": 1}, {"x": "d"}) == keys[0]


def test_a_digest_sees_names_and_contents(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "file").write_text("x")
    (tmp_path / "b" / "file").write_text("y")
    (tmp_path / "c" / "other").write_text("x")
    assert len({digest(tmp_path / name) for name in ("a", "b", "c")}) == 3
