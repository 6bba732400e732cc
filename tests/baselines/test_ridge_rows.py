"""Many small ridge regressions, against NumPy's solution of each system by itself."""

import numpy as np
import pytest
import scipy.sparse

from deca_tf.baselines import _ridge_rows
from deca_tf.baselines._ridge_rows import Rows, solve_rows

FACTORS, COLUMNS = 30, 90


@pytest.fixture(scope="module")
def weights():
    """Rows of no entries to all 90, more and fewer than factors, more and fewer than 24."""
    rng = np.random.default_rng(0)
    lengths = [0, 1, 1, 2, 3, 23, 24, 25, 29, 30, 31, 60, 90, 0, 5, 5, 5, 5]
    taken = np.zeros((len(lengths), COLUMNS), np.float32)
    for row, length in enumerate(lengths):
        taken[row, rng.permutation(COLUMNS)[:length]] = rng.uniform(0.5, 3, length)
    return taken


@pytest.mark.parametrize("block_cells", [2**18, 200], ids=["large blocks", "small blocks"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("vectorised", [0, 24, 100])
def test_every_row_solves_its_own_system(weights, monkeypatch, block_cells, weighted, vectorised):
    monkeypatch.setattr(_ridge_rows, "BLOCK_CELLS", block_cells)
    monkeypatch.setattr(_ridge_rows, "LARGEST_VECTORISED", vectorised)
    weights = weights if weighted else (weights > 0).astype(np.float32)
    rng = np.random.default_rng(1)
    vectors = rng.normal(0, 0.3, (COLUMNS, FACTORS)).astype(np.float32)
    penalties = rng.uniform(0.1, 2, len(weights))
    rows = Rows(scipy.sparse.csr_array(weights))
    np.testing.assert_allclose(rows.totals, weights.sum(axis=1, dtype=float))
    found = solve_rows(rows, vectors, 0.2, penalties)
    assert found.dtype == np.float32
    exact = vectors.astype(float)
    for row, own in enumerate(weights):
        system = (exact.T * own) @ exact + 0.2 * exact.T @ exact + penalties[row] * np.eye(FACTORS)
        expected = np.linalg.solve(system, exact.T @ own)
        np.testing.assert_allclose(found[row], expected, atol=2e-5, err_msg=f"row {row}")


def test_blocks_hold_every_entry_once_and_little_padding(weights):
    rows = Rows(scipy.sparse.csr_array(weights))
    again = np.zeros_like(weights)
    padded = 0
    for which, columns, values in rows.blocks(FACTORS):
        assert columns.shape == values.shape
        assert ((columns == COLUMNS) == (values == 0)).all()
        padded += (columns == COLUMNS).sum()
        for row, own_columns, own_values in zip(which, columns, values, strict=True):
            is_entry = own_columns < COLUMNS
            again[row, own_columns[is_entry]] += own_values[is_entry]
    np.testing.assert_array_equal(again, weights)
    assert padded <= np.count_nonzero(weights) / 4
