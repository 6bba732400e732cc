"""Pruning keeps an item's largest weights, and as few as the validation does not miss."""

import numpy as np
import pytest
import scipy.sparse

from deca_tf.baselines import EASE
from deca_tf.serving import _pruning as module
from deca_tf.serving import export

WEIGHTS = np.array([[0, 3, -4, 1], [2, 0, 0, 5], [-1, 2, 0, -3], [0, 0, 0, 0]], np.float32)


@pytest.mark.parametrize("make", (np.asarray, scipy.sparse.csr_array))
def test_the_largest_of_each_row_by_size_are_kept(make):
    kept = module.strongest(make(WEIGHTS), 2)
    expected = [[0, 3, -4, 0], [2, 0, 0, 5], [0, 2, 0, -3], [0, 0, 0, 0]]
    np.testing.assert_array_equal(kept.toarray(), expected)
    assert kept.nnz == 6


def test_rows_in_blocks_are_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(50, 50)).astype(np.float32)
    whole = module.strongest(weights, 7).toarray()
    assert ((whole != 0).sum(axis=1) == 7).all()
    smallest = np.where(whole != 0, np.abs(whole), np.inf).min(axis=1)
    left_out = np.where(whole == 0, np.abs(weights), 0).max(axis=1)
    assert (smallest >= left_out).all()


def test_weights_are_doubled_until_the_recall_is_that_of_all(split, monkeypatch):
    monkeypatch.setattr(module, "LEAST", 2)
    model = EASE(split.train, l2=3.0)
    pruned = module.prune(model, split)
    facts = pruned.facts
    assert abs(facts["recall@20"] - facts["recall@20 exact"]) < 0.001
    fewer = module.prune(model, split, facts["weights_per_item"] // 2)
    assert abs(fewer.facts["recall@20"] - facts["recall@20 exact"]) >= 0.001


def test_a_number_that_is_asked_for_is_kept(split):
    pruned = module.prune(EASE(split.train, l2=3.0), split, per_item=5)
    assert (np.diff(pruned.weights.indptr) == 5).all()
    assert pruned.facts["weights_per_item"] == 5


def test_other_models_have_no_such_weights(split, make_target, tmp_path):
    with pytest.raises(ValueError, match="weights_per_item.*item-knn|ease.*weights_per_item"):
        export(make_target("mf"), split, tmp_path, k=5, weights_per_item=5)
