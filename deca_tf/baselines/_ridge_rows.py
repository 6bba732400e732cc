"""Many small ridge regressions that share one matrix: half an iteration of ALS.

For each row u, with Q the other side's vectors, c_j the weights of the entries j that u has, and
l_u its own penalty, the vector p that minimises

    sum over u's j of c_j (1 - p'q_j)^2 + a sum over all j of (p'q_j)^2 + l_u |p|^2

that is (Q_u' C Q_u + a Q'Q + l_u I) p = Q_u' c. With Q'Q = V diag(s) V' and in coordinates V' p all
but the first term is the diagonal D = a s + l_u. So a row with n entries, fewer than factors, needs
a system of n unknowns only: p = D^-1 Q_u' w where (Q_u D^-1 Q_u' + C^-1) w = 1.
"""

import numpy as np
from scipy.linalg import lapack

BLOCK_CELLS = 2**18  # of the entries' vectors that are worked on at once, padded
PADDING = 4  # a block's longest row has at most 1 / PADDING more entries than its shortest
LARGEST_VECTORISED = 24  # unknowns; larger systems go to LAPACK one by one


class Rows:
    """Rows of a sparse matrix in blocks of similar length.

    Args:
        matrix: SciPy CSR `(rows, columns)`, weights above 0.

    Attributes:
        totals: sums of the weights of each row, float64 `(rows,)`.
    """

    def __init__(self, matrix):
        self.shape = matrix.shape
        self._matrix = matrix
        self._has_weights = bool((matrix.data != 1).any())
        lengths = np.diff(matrix.indptr)
        owners = np.repeat(np.arange(len(lengths)), lengths)
        self.totals = np.bincount(owners, matrix.data, minlength=len(lengths))
        self._order = np.argsort(lengths, kind="stable")
        self._order = self._order[lengths[self._order] > 0]
        self._lengths = lengths[self._order]

    def blocks(self, factors):
        """Yields `(rows, columns, weights)`.

        Int `(rows,)`; `(rows, length)`, padded with the number of columns; float32 of that shape,
        0 where padded.
        """
        start, count = 0, len(self._order)
        while start < count:
            shortest = self._lengths[start]
            most = shortest + shortest // PADDING
            stop = int(np.searchsorted(self._lengths, most, side="right"))
            stop = min(stop, start + max(1, BLOCK_CELLS // (int(most) * factors)))
            yield self._block(self._order[start:stop], self._lengths[start:stop])
            start = stop

    def _block(self, rows, lengths):
        places = self._matrix.indptr[rows][:, None] + np.arange(lengths[-1])
        is_entry = np.arange(lengths[-1]) < lengths[:, None]
        places = np.where(is_entry, places, 0)
        columns = np.where(is_entry, self._matrix.indices[places], self.shape[1])
        weights = is_entry.astype(np.float32)
        if self._has_weights:
            weights *= self._matrix.data[places]
        return rows, columns, weights


def solve_rows(rows, vectors, unobserved_weight, penalties):
    """Vectors of all rows, float32 `(rows, factors)`; 0 for a row without entries.

    Args:
        rows: `Rows`.
        vectors: Q, float32 `(columns, factors)`.
        unobserved_weight: a.
        penalties: l, above 0, float64 `(rows,)`.
    """
    factors = vectors.shape[1]
    squares, turn = np.linalg.eigh(gram_of(vectors))
    turned = np.zeros((len(vectors) + 1, factors), np.float32)  # the last is of padding
    np.matmul(vectors, turn.astype(np.float32), out=turned[:-1])
    shared = unobserved_weight * np.maximum(squares, 0)
    found = np.zeros((rows.shape[0], factors), np.float32)
    for which, columns, weights in rows.blocks(factors):
        diagonal = (shared + penalties[which, None]).astype(np.float32)
        entries = turned[columns]
        solve = _solve_by_entries if columns.shape[1] < factors else _solve_by_factors
        found[which] = solve(entries, weights, diagonal)
    return found @ turn.T.astype(np.float32)


def gram_of(vectors):
    """Q'Q, float64."""
    vectors = vectors.astype(np.float64)
    return vectors.T @ vectors


def _solve_by_entries(entries, weights, diagonal):
    """From `(rows, n, factors)`, `(rows, n)` and `(rows, factors)` to `(rows, factors)`."""
    root = 1 / np.sqrt(diagonal)
    entries *= root[:, None, :]
    systems = entries @ entries.transpose(0, 2, 1)
    is_entry = weights > 0
    places = np.arange(weights.shape[1])
    systems[:, places, places] += 1 / np.where(is_entry, weights, 1)
    solved = _solve(systems, is_entry.astype(np.float32))
    return root * (solved[:, None, :] @ entries)[:, 0]


def _solve_by_factors(entries, weights, diagonal):
    root = np.sqrt(weights)
    entries *= root[:, :, None]  # so that the product is of a matrix with itself: half the time
    systems = entries.transpose(0, 2, 1) @ entries
    places = np.arange(diagonal.shape[1])
    systems[:, places, places] += diagonal
    return _solve(systems, (root[:, None, :] @ entries)[:, 0])


def _solve(systems, right):
    """Solutions of symmetric, positive systems `(count, n, n)`, which are overwritten."""
    size = systems.shape[1]
    if size <= LARGEST_VECTORISED:
        return _solve_together(
            np.ascontiguousarray(systems.transpose(1, 2, 0)), np.ascontiguousarray(right.T)
        ).T
    found = np.empty_like(right)
    for row, system in enumerate(systems):
        # Transposed it is the same matrix, in the order that LAPACK needs no copy of.
        _, found[row], failed = lapack.sposv(system.T, right[row], lower=True, overwrite_a=True)
        if failed:
            raise np.linalg.LinAlgError(f"system {row} of size {size} is not positive")
    return found


def _solve_together(systems, right):
    """By Cholesky's method on all systems at once, `(n, n, count)` and `(n, count)`."""
    size = len(systems)
    for j in range(size):
        systems[j, j] = np.sqrt(systems[j, j])
        below = systems[j + 1 :, j]
        below /= systems[j, j]
        right[j] /= systems[j, j]
        right[j + 1 :] -= below * right[j]
        for k in range(j + 1, size):
            systems[k:, k] -= below[k - j - 1 :] * systems[k, j]
    for j in reversed(range(size)):
        right[j] /= systems[j, j]
        right[:j] -= systems[j, :j] * right[j]
    return right
