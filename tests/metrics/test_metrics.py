"""Metrics against loops over sets, and against values worked out by hand."""

import math
import subprocess
import sys

import numpy as np
import pytest

from deca_tf.metrics import METRICS, mrr, ndcg, precision, recall


def by_hand(name, hits, num_relevant, k):
    """One user's metric, from the textbook."""
    places = [place for place, hit in enumerate(hits, start=1) if hit and place <= k]
    if name == "recall":
        return len(places) / num_relevant
    if name == "precision":
        return len(places) / k
    if name == "mrr":
        return 1 / places[0] if places else 0.0
    best = sum(1 / math.log2(place + 1) for place in range(1, num_relevant + 1) if place <= k)
    return sum(1 / math.log2(place + 1) for place in places) / best


@pytest.mark.parametrize("name", ["recall", "ndcg", "precision", "mrr"])
@pytest.mark.parametrize("k", [1, 2, 7, 20, 50])
def test_equals_loops_over_random_lists(name, k):
    rng = np.random.default_rng(k)
    length = 20  # shorter than the longest k: there are no more items
    hits = rng.random((200, length)) < rng.choice([0.0, 0.05, 0.5, 1.0], size=(200, 1))
    num_relevant = np.maximum(1, hits.sum(axis=1) + rng.integers(0, 30, 200))
    values = METRICS[name](hits, num_relevant, k)
    assert values.dtype == np.float64 and values.shape == (200,)
    expected = [by_hand(name, row, int(n), k) for row, n in zip(hits, num_relevant, strict=True)]
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=0)
    assert (values >= 0).all() and (values <= 1 + 1e-12).all()


def test_every_metric_is_tested_above():
    assert sorted(METRICS) == ["mrr", "ndcg", "precision", "recall"]


def test_recall_is_the_one_divided_by_relevant():
    hits = np.array([[True, False, True, False]])
    # 2 hits within 3 places, 8 relevant: the others would be 2 / min(3, 8) = .67 and, hit rate, 1.
    assert recall(hits, np.array([8]), 3)[0] == 0.25


def test_worked_examples():
    hits = np.array([[False, True, True, False], [True, False, False, False]])
    relevant = np.array([4, 2])
    np.testing.assert_allclose(recall(hits, relevant, 3), [0.5, 0.5])
    np.testing.assert_allclose(precision(hits, relevant, 2), [0.5, 0.5])
    np.testing.assert_allclose(mrr(hits, relevant, 4), [0.5, 1.0])
    np.testing.assert_allclose(mrr(hits, relevant, 1), [0.0, 1.0])
    ideal = [
        1 + 0.6309298 + 0.5,
        1 + 0.6309298,
    ]  # 1 / log2 of 2, 3, 4; the ideal list holds no more than is relevant
    np.testing.assert_allclose(
        ndcg(hits, relevant, 3), [(0.6309298 + 0.5) / ideal[0], 1 / ideal[1]], rtol=1e-6
    )


@pytest.mark.parametrize("module", ["deca_tf.metrics", "deca_tf.reporting", "deca_tf.baselines"])
def test_import_loads_no_tensorflow(module):
    code = f"import sys, {module}; assert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
