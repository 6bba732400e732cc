"""What finished runs say, and what is worked out of their models."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from reproduction import derived, run_list, tie_order
from reproduction.grid import Cell
from tests.reproduction.conftest import fake_run, user_frame

CELL = Cell("ml-100k", "paper", "gmf", "none")
CDAE = Cell("ml-100k", "paper", "cdae", "none")


def test_figures_are_of_the_seeds_that_have_finished(tmp_path, results):
    assert results.values(CELL, "recall@20") == []
    assert results.mean(CELL, "recall@20") is None
    fake_run(tmp_path, CDAE, 1, 0.3)
    fake_run(tmp_path, CDAE, 2, 0.9)  # not one of the seeds
    assert results.finished(CDAE) == (1,)
    assert results.values(CDAE, "ndcg@20") == [0.15]


def test_users_are_averaged_over_seeds(tmp_path, results):
    fake_run(tmp_path, CELL, 0, users=user_frame([0.0, 1.0]))
    fake_run(tmp_path, CELL, 1, users=user_frame([0.5, 0.0]).iloc[::-1])
    assert results.per_user(CELL)["recall@20"].to_dict() == {0: 0.25, 1: 0.5}
    assert results.per_user(CDAE) is None


def test_settings_that_have_changed_are_noticed(tmp_path, results):
    fake_run(tmp_path, CELL, 0)
    assert results.outdated(CELL) == []
    file = results.folder(CELL, 0).config_file
    file.write_text(file.read_text().replace("l2 = 0.1", "l2 = 0.2"))
    assert "training.l2 is 0.2 and not 0.1" in results.outdated(CELL)[0]


@pytest.fixture
def loaded(monkeypatch, results):
    """Models that need not be there; notes how often one was loaded."""
    calls = []

    def load_run(path, *, data_dir, split):
        calls.append(path)
        return {}, "model", split

    monkeypatch.setattr("deca_tf.runs.load.load_run", load_run)
    monkeypatch.setattr(type(results), "split", lambda self, cell: "split")
    return calls


def test_findings_are_kept(tmp_path, results, loaded):
    fake_run(tmp_path, CELL, 0)
    assert derived.of_cell(results, "kind", CELL, lambda model, split: [model, split]) == {
        0: ["model", "split"]
    }
    assert derived.of_cell(results, "kind", CELL, None) == {0: ["model", "split"]}
    assert len(loaded) == 1
    newer = (tmp_path / "derived/kind" / CELL.name / "seed-0.json").stat().st_mtime + 10
    os.utime(results.folder(CELL, 0).metrics_file, (newer, newer))  # the run was made anew
    assert derived.of_cell(results, "kind", CELL, lambda model, split: "new") == {0: "new"}


def test_what_cannot_be_found_out_is_reported(tmp_path, results, loaded):
    fake_run(tmp_path, CELL, 0)
    assert derived.of_cell(results, "kind", CELL, lambda model, split: 1 / 0) == {}
    assert "kind of" in results.problems[0]
    assert "ZeroDivisionError: division by zero" in results.problems[0]


def test_the_list_of_runs(tmp_path, results):
    fake_run(tmp_path, CELL, 1, 0.25)
    shared = Cell("modcloth", "paper", "gmf", "deca-p", (("denoiser.phases", ("dp",)),))
    fake_run(tmp_path, shared, 0, 0.5, collapsed="all rejected")
    assert run_list.write(results, tmp_path / "runs.csv") == 2
    listed = pd.read_csv(tmp_path / "runs.csv").set_index("run")
    assert listed.loc[CELL.name, ["seed", "recall@20", "ndcg@20", "epochs"]].tolist() == [
        1,
        0.25,
        0.125,
        20,
    ]
    assert listed.loc[shared.name, "collapsed"] == "all rejected"
    assert '"denoiser.phases=[' not in listed.loc[shared.name, "command"]
    assert "'--set=denoiser.phases=[\"dp\"]'" in listed.loc[shared.name, "command"]


def test_renumbered_items_keep_every_score():
    from deca_tf.data import load_split

    split = load_split("synthetic", num_users=100, num_items=30, num_clicks=600)
    order = np.random.default_rng(0).permutation(30)
    renumbered = tie_order._renumbered(split, order)

    def pairs(part):
        users, items = part.raw_user_ids[part.user_id], part.raw_item_ids[part.item_id]
        return set(zip(users.tolist(), items.tolist(), strict=True))

    assert pairs(renumbered.test) == pairs(split.test)

    class Model:
        def score_all_items(self, user_ids):
            return np.arange(len(user_ids) * 30, dtype=np.float32).reshape(-1, 30)

    scores = tie_order._Renumbered(Model(), order).score_all_items(np.arange(2))
    np.testing.assert_array_equal(
        scores[:, np.argsort(order)], Model().score_all_items(np.arange(2))
    )


def test_the_order_of_ties_decides_where_all_scores_are_equal():
    from deca_tf.data import load_split

    split = load_split("synthetic", num_users=100, num_items=30, num_clicks=600)

    class Undecided:
        @property
        def recommender(self):
            return self

        def score_all_items(self, user_ids):
            return np.zeros((len(user_ids), 30), np.float32)

    found = tie_order.recall_by_tie_order(Undecided(), split)
    assert list(found) == list(tie_order.ORDERS)
    assert len(set(found.values())) > 1
    json.dumps(found)
