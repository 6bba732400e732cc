"""Run folders that look finished, without a training."""

import json

import pandas as pd
import pytest

from deca_tf._files import write_atomically
from deca_tf.runs.folder import RunFolder
from reproduction.results import Results


def fake_run(root, cell, seed, recall=0.2, *, test=None, users=None, history=None, **more):
    """Writes what a finished run leaves behind, but for its model.

    Args:
        root: folder of the runs.
        cell, seed: of the run.
        recall: recall@k for every k; ndcg@k is half of it.
        test: metrics that differ.
        users: data frame of per-user metrics.
        history: data frame with a row per epoch.
        **more: other keys of metrics.json.
    """
    folder = RunFolder(cell.folder(root, seed))
    folder.begin(cell.config(seed))
    figures = {f"recall@{k}": recall for k in (3, 5, 10, 20, 50)}
    figures |= {f"ndcg@{k}": recall / 2 for k in (3, 5, 10, 20, 50)} | (test or {})
    metrics = {
        "seed": seed,
        "test": figures,
        "test_warm": figures,
        "best_epoch": 7,
        "collapsed": None,
        "train": {"wall_seconds": 30.0, "epochs": 20},
        **more,
    }
    if users is not None:
        users.to_parquet(folder.users_file, index=False)
    if history is not None:
        history.to_csv(folder.history_file, index=False)
    write_atomically(folder.metrics_file, json.dumps(metrics))


def user_frame(recalls):
    """Per-user metrics of users 0, 1, ..."""
    return pd.DataFrame({"user_id": range(len(recalls)), "recall@20": recalls, "ndcg@20": recalls})


@pytest.fixture
def results(tmp_path):
    """`Results` of seeds 0 and 1 below a folder of the test's own."""
    return Results(tmp_path, range(2))
