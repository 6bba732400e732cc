"""How often items go together: by sums and by dense products, the same as by definition."""

import numpy as np
import pytest
import scipy.sparse

from deca_tf.baselines import _gramian
from deca_tf.baselines._gramian import cross_product, gramian


@pytest.fixture(scope="module")
def taken():
    """Item 3 has no users, user 5 no items, user 6 all but item 3."""
    rng = np.random.default_rng(0)
    taken = (rng.random((80, 21)) < rng.random(21) ** 2).astype(np.float32)
    taken[5], taken[6] = 0, 1
    taken[:, 3] = 0
    return taken


@pytest.mark.parametrize("block_terms", [2**18, 7], ids=["one block", "blocks of seven terms"])
@pytest.mark.parametrize("cells_per_term", [0, 100, 10**9], ids=["sums", "both", "products"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gramian_is_the_product_of_the_matrix_with_itself(
    taken, monkeypatch, block_terms, cells_per_term, weighted, dtype
):
    monkeypatch.setattr(_gramian, "BLOCK_TERMS", block_terms)
    monkeypatch.setattr(_gramian, "CELLS_PER_TERM", cells_per_term)
    monkeypatch.setattr(_gramian, "LEAST_DENSE", 4)
    monkeypatch.setattr(_gramian, "DENSE_CELLS", 200)
    clicks = scipy.sparse.csr_array(taken)
    dense = len(_gramian._items_of_dense_block(clicks))
    assert {0: dense == 0, 100: 0 < dense < 21, 10**9: dense == 21}[cells_per_term]
    weight = np.linspace(0.1, 2, 80) if weighted else None
    found = gramian(clicks, weight, dtype)
    assert found.dtype == dtype
    expected = (taken.T * np.ones(80)) @ taken if weight is None else (taken.T * weight) @ taken
    np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("block_terms", [2**18, 7], ids=["one block", "blocks of seven terms"])
def test_a_product_with_another_matrix(taken, monkeypatch, block_terms):
    monkeypatch.setattr(_gramian, "BLOCK_TERMS", block_terms)
    other = np.where(np.random.default_rng(1).random(taken.shape) < 0.3, 0.5 * taken, 0)
    found = cross_product(scipy.sparse.csr_array(taken), scipy.sparse.csr_array(other), "float64")
    np.testing.assert_allclose(found, taken.T @ other, atol=1e-12)


def test_nobody_took_anything():
    nothing = scipy.sparse.csr_array((4, 3), dtype=np.float32)
    assert gramian(nothing, None, "float32").tolist() == [[0] * 3] * 3
