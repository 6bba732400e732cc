"""Products X'Z of two sparse matrices whose result is dense: how often items go together.

Two ways are mixed. Rows of items that share few users are summed entry by entry, and the block of
those that share the most comes from products of dense matrices, which take less time a term.
"""

import numpy as np

# Entries of users' rows that are gathered at once, so that they stay in a core's own cache.
BLOCK_TERMS = 2**18
# Cells of a dense product that take the time of one term of a sparse sum.
CELLS_PER_TERM = 800
LEAST_DENSE = 64  # items of a dense block, at least
DENSE_CELLS = 2**21  # of users' rows made dense at once


def gramian(clicks, weight, dtype):
    """X' W X, `(num_items, num_items)`.

    Args:
        clicks: X, SciPy CSR of ones, `(num_users, num_items)`.
        weight: of each user, the diagonal of W, float64 `(num_users,)`; None: 1 each.
        dtype: of the result; sums of single terms are in float64.
    """
    num_items = clicks.shape[1]
    dense = _items_of_dense_block(clicks)
    others = np.setdiff1d(np.arange(num_items), dense)
    weighted = None if weight is None else with_rows_scaled(clicks, weight)
    found = np.empty((num_items, num_items), dtype)
    _fill_rows(found, others, clicks, clicks if weight is None else weighted, weight is not None)
    if len(dense):
        block = _dense_block(clicks[:, dense], weight, dtype)
        for start in range(0, len(dense), LEAST_DENSE):
            rows = dense[start : start + LEAST_DENSE]
            found[np.ix_(rows, dense)] = block[start : start + LEAST_DENSE]
            found[np.ix_(rows, others)] = found[np.ix_(others, rows)].T
    return found


def cross_product(clicks, other, dtype):
    """X' Z, `(num_items, num_items)`.

    Args:
        clicks: X, SciPy CSR of ones, `(num_users, num_items)`.
        other: Z, SciPy CSR of the same shape.
        dtype: of the result; sums are in float64.
    """
    num_items = clicks.shape[1]
    found = np.empty((num_items, num_items), dtype)
    _fill_rows(found, np.arange(num_items), clicks, other, True)
    return found


def with_rows_scaled(matrix, factors):
    """A CSR matrix with its row u times `factors[u]`."""
    scaled = matrix.copy()
    scaled.data = scaled.data * np.repeat(factors, np.diff(matrix.indptr))
    return scaled


def _items_of_dense_block(clicks):
    """Which items take less time in a dense product, int64, rising.

    An item's row is a sum over its users of all they took, so it has as many terms. Items with the
    most terms come first; how many of them is what makes the estimate of all time least.
    """
    num_users, num_items = clicks.shape
    size = np.diff(clicks.indptr)
    terms = clicks.T @ size.astype(np.float64)
    order = np.argsort(-terms, kind="stable")
    left = np.append(terms.sum() - np.append(0, np.cumsum(terms[order]))[:-1], 0.0)
    rank = np.empty(num_items, np.int64)
    rank[order] = np.arange(num_items)
    ranks = rank[clicks.indices]
    users = np.repeat(np.arange(num_users), size)
    best, least, number = 0, CELLS_PER_TERM * left[0], LEAST_DENSE
    while number < 2 * num_items:
        number = min(number, num_items)
        rows = _with_pairs(np.bincount(users[ranks < number], minlength=num_users))
        cells = len(rows) * number**2 + CELLS_PER_TERM * left[number]
        best, least = (number, cells) if cells < least else (best, least)
        number *= 2
    return np.sort(order[:best])


def _with_pairs(sizes):
    """Users with two items and more: the others add to the diagonal alone."""
    return np.flatnonzero(sizes > 1)


def _dense_block(clicks, weight, dtype):
    """The Gramian of a few columns, `(columns, columns)`."""
    columns = clicks.shape[1]
    ones = np.ones(clicks.shape[0]) if weight is None else weight
    users = _with_pairs(np.diff(clicks.indptr))
    rows = (
        clicks[users] if weight is None else with_rows_scaled(clicks[users], weight[users] ** 0.5)
    )
    found = np.zeros((columns, columns), dtype)
    step = max(1, DENSE_CELLS // columns)
    for start in range(0, len(users), step):
        part = rows[start : start + step].toarray().astype(dtype, copy=False)
        found += part.T @ part
    found[np.diag_indices(columns)] = clicks.T @ ones
    return found


def _fill_rows(found, items, clicks, other, has_values):
    """Writes rows `items` of X' Z: sums of the rows of Z of each item's users."""
    users_of = clicks.T.tocsr()[items]
    users, first = users_of.indices, users_of.indptr
    ends = np.cumsum(np.diff(other.indptr)[users])
    found[items[np.diff(first) == 0]] = 0
    start = 0
    while start < len(users):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + BLOCK_TERMS)))
        stop = min(stop, len(users))
        gathered = other[users[start:stop]]
        low = int(np.searchsorted(first, start, side="right")) - 1
        high = int(np.searchsorted(first, stop, side="left"))
        cuts = gathered.indptr[np.clip(first[low : high + 1], start, stop) - start].tolist()
        for row, begin, end in zip(range(low, high), cuts[:-1], cuts[1:], strict=True):
            values = gathered.data[begin:end] if has_values else None
            sums = np.bincount(gathered.indices[begin:end], values, minlength=found.shape[1])
            if first[row] < start:  # the first part of its users was in the block before
                found[items[row]] += sums
            else:
                found[items[row]] = sums
        start = stop
