"""What an evaluation found, as a user reads it: by name, printed, in a notebook."""

import pandas as pd
import pytest

from deca_tf.evaluation import Evaluation

METRICS = {"recall@3": 0.25, "recall@20": 0.5, "ndcg@3": 0.125, "ndcg@20": 0.0625}


@pytest.fixture
def evaluation():
    nothing = pd.DataFrame()
    return Evaluation(METRICS, {}, 1200, 1100, 0.1, nothing, nothing)


def test_metric_is_read_by_its_name(evaluation):
    assert evaluation["recall@20"] == 0.5
    with pytest.raises(KeyError, match="The metrics are recall@3, .*'recal@20'.*mean 'recall@20'"):
        evaluation["recal@20"]


def test_printed_it_is_a_table_of_metrics_by_length(evaluation):
    table = evaluation.table()
    assert (list(table.index), list(table.columns)) == (["recall", "ndcg"], ["@3", "@20"])
    lines = repr(evaluation).splitlines()
    assert lines[0] == "Means over 1,200 users, 1,100 of them with a training history"
    assert lines[2].split() == ["recall", "0.2500", "0.5000"]
    assert "<td>0.0625</td>" in evaluation._repr_html_()
