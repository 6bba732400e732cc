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
    assert execution.notes == {"rows": 3} and execution.digests == {
        "out": digest(tmp_path / "Step" / "out" / "1")
    }
    assert store.find("Step", "another key") is None


def test_a_step_that_fails_leaves_nothing(tmp_path):
    def fail(outputs):
        (outputs["out"] / "half").write_text("x")
        raise KeyError("no")

    with pytest.raises(KeyError):
        Store(tmp_path).publish("Step", "key", {}, ("out",), fail)
    assert list((tmp_path / "Step" / "out").iterdir()) == []
    assert Store(tmp_path).executions() == []


def fail_once(store, key, goes_on):
    """Writes, fails, and returns what the next call for the same work finds."""

    def fail(outputs):
        (outputs["out"] / "half").write_text(key)
        raise KeyError("no")

    with pytest.raises(KeyError):
        store.publish("Step", key, {}, ("out",), fail, goes_on)
    return lambda outputs: {"found": sorted(file.name for file in outputs["out"].iterdir())}


def test_a_step_that_goes_on_finds_what_it_left(tmp_path):
    store = Store(tmp_path)
    write = fail_once(store, "key", goes_on=True)
    fail_once(store, "another key", goes_on=True)
    execution = store.publish("Step", "key", {}, ("out",), write, goes_on=True)
    assert execution.notes == {"found": ["half"]}
    assert [each.name for each in (tmp_path / "Step" / "out").iterdir()] == [
        "1"
    ]  # what nobody came back for is gone


def test_a_step_that_begins_anew_finds_nothing_of_a_killed_one(tmp_path):
    store = Store(tmp_path)
    write = fail_once(store, "key", goes_on=True)  # as a process that was killed leaves it
    assert store.publish("Step", "key", {}, ("out",), write).notes == {"found": []}


def test_one_process_at_a_time_works_on_a_step(tmp_path):
    store = Store(tmp_path)

    def meet(outputs):
        with pytest.raises(FileExistsError, match="no other process runs Step.*Wait for it"):
            publish(store, "another key")
        return {"rows": 1}

    store.publish("Step", "key", {}, ("out",), meet)
    assert publish(store, "another key").number == 2


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
