"""EASE: a linear model from items to items, learned in one step."""

import logging
from typing import Any

import numpy as np
import scipy.linalg

from deca_tf.baselines._gramian import cross_product, gramian, with_rows_scaled
from deca_tf.baselines.baseline import half_life, popularity_weight
from deca_tf.baselines.item_to_item import ItemToItem
from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option

logger = logging.getLogger("deca_tf")

BLOCK_CELLS = 2**22  # of a matrix that are worked on at once
LARGEST_ERROR = 1e-2  # of the inverse, before a warning says so


class EASE(ItemToItem):
    """Scores an item by the weights of the user's history that best predict each item from others.

    Source: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, Eq. (8), with
    dropout by Steck, "Autoencoders that don't overfit towards the identity", NeurIPS 2020. With X
    the users x items matrix of clicks, Y their labels and W the users' weights on a diagonal, B has
    a diagonal of zeros and minimises

        |W^.5 (Y - X B)|^2 + |L^.5 B|^2;   L = l2 * I + dropout / (1 - dropout) * diag(X' W X)

    and that is, in closed form, with scores X B:

        P = inverse(X' W X + L);   E = P X' W (X - Y)
        B_ij = -P_ij * (1 - E_jj) / P_jj - E_ij;   B_jj = 0

    A user's weight is n_u^-user_weight, n_u the number of the user's items, times what makes clicks
    weigh 1 on average, so that `l2` keeps its measure. Labels are 1 for clicks and 0 for all other
    pairs, so that E is 0; where the interactions have weights, in [0, 1], these are the labels of
    the clicks. Histories hold all clicks, whatever their labels.

    Differs: users' weights and labels are not in the papers; with both left out it is theirs.

    Learning takes time in proportion to num_items^3 and one matrix of num_items^2 numbers, in which
    the inverse is made; with labels two matrices and three times as long.

    Raises:
        ValueError: a setting out of its range, a catalogue larger than `max_items`, an `l2` so
            small that the matrix cannot be inverted, or a label above 1.

    Example:
        >>> ease = EASE(split.train, l2=200)
        >>> ease.score_all_items([0, 1]).shape
        (2, 40)

    Stability: stable.
    """

    l2: float = option(
        default=500.0,
        low=0,
        search=OneOf(20000.0, 5000.0, 1000.0, 500.0, 200.0),
        doc="Strength of the penalty on the weights, in users.",
    )
    popularity_weight: float = popularity_weight(0.0, 0.3, 1.0)
    half_life: float | None = half_life(7.0, 30.0, 90.0)
    dropout: float = option(
        default=0.0,
        low=0,
        below=1,
        search=OneOf(0.0, 0.3),
        doc="Probability with which a history loses each of its items while weights are learned.",
    )
    user_weight: float = option(
        default=0.0,
        low=0,
        search=OneOf(0.0, 0.25, 0.5, 1.0),
        doc="A user with n items weighs n to the power of minus this: at 0 each click counts the "
        "same, at 1 each user.",
    )
    dtype: str = option(
        default="float32",
        choices=("float32", "float64"),
        doc="Of the matrices; scores are float32.",
    )
    max_items: int = option(default=30_000, doc="Largest catalogue to take on.")

    warns_of_weights = False
    LEARNED_LAST = ("l2", "dropout")  # with the same Gramian

    def learn(self, interactions: Interactions, shared: dict[Any, Any] | None) -> None:
        _check_size(interactions.num_items, self.dtype, self.max_items)
        clicks = interactions.to_csr()
        weight = _user_weights(clicks, self.user_weight)
        missing = _missing_labels(interactions, clicks, weight)
        matrix = _taken(
            shared,
            ("gramian", self.user_weight, self.dtype),
            lambda: gramian(clicks, weight, self.dtype),
        )
        penalty = _penalty(matrix, self.l2, self.dropout)
        matrix[np.diag_indices(len(matrix))] += penalty
        _invert(matrix, self.l2)
        _check_inverse(matrix, clicks, weight, penalty, self.l2)
        if missing is None:
            self.weights = _weights(matrix)
        else:
            errors = _taken(
                shared,
                ("labels", self.user_weight, self.dtype),
                lambda: cross_product(clicks, missing, self.dtype),
            )
            self.weights = _weights_of_labels(matrix, errors)


def _check_size(num_items, dtype, max_items):
    if num_items > max_items:
        gigabytes = num_items**2 * np.dtype(dtype).itemsize / 1e9
        raise ValueError(
            "EASE learns a matrix of num_items x num_items, so the catalogue must have at most "
            f"max_items={max_items:,} items. Received: {num_items:,} items, which take "
            f"{gigabytes:,.1f} GB in {dtype}, twice that with soft labels or in a grid, and time in "
            "proportion to num_items^3. Use 'elsa' or 'item-knn', which need no such matrix, or "
            "raise `max_items` if the machine has that."
        )


def _taken(shared, key, make):
    """A matrix to work in: made, or a copy of what was made before with the same settings."""
    if shared is None:
        return make()
    if key not in shared:
        for other in [known for known in shared if known[0] == key[0]]:
            del shared[other]  # one at a time, for their size
        shared[key] = make()
    return shared[key].copy()


def _user_weights(clicks, power):
    """Weight of each user, float64 `(num_users,)`, or None where all are 1."""
    if not power:
        return None
    size = np.diff(clicks.indptr).astype(np.float64)
    weight = np.maximum(size, 1) ** -power
    return weight * size.sum() / max(1.0, weight @ size)


def _missing_labels(interactions, clicks, weight):
    """W (X - Y), SciPy CSR without zeros, or None where all labels of clicks are 1."""
    if interactions.weight is None:
        return None
    if len(interactions) and interactions.weight.max() > 1:
        row = int(interactions.weight.argmax())
        raise ValueError(
            "`weight` must be in [0, 1] for EASE, which takes it for the label of a click, the "
            f"share of it that is real. Received: {interactions.weight[row]:g} in row {row}. "
            "Divide the weights by the largest, leave them out, or use 'als', which takes them for "
            "confidence."
        )
    missing = clicks - interactions.to_csr(interactions.weight)
    missing.eliminate_zeros()
    if not missing.nnz:
        return None
    return missing if weight is None else with_rows_scaled(missing, weight)


def _penalty(matrix, l2, dropout):
    """The diagonal of L, float64 `(num_items,)`."""
    return l2 + dropout / (1 - dropout) * np.diag(matrix).astype(np.float64)


def _invert(matrix, l2):
    """Inverts a symmetric, positive matrix in place."""
    columns = matrix.T  # the same numbers in the order that LAPACK works on without a copy
    factorize, invert = scipy.linalg.get_lapack_funcs(("potrf", "potri"), (columns,))
    inverse, failed = factorize(columns, lower=True, overwrite_a=True)
    if not failed:
        inverse, failed = invert(inverse, lower=True, overwrite_c=True)
    if failed:
        raise ValueError(
            f"`l2` must be so large that X' W X + L can be inverted in {matrix.dtype}. Received: "
            f"l2={l2}. Raise `l2`, or use dtype='float64'."
        )
    # LAPACK leaves one triangle as it was: the one below the diagonal, seen from `matrix`.
    for rows in _blocks(matrix):
        upper = np.triu(matrix[rows, rows])
        matrix[rows, rows] = upper + np.triu(upper, 1).T
        matrix[rows.stop :, rows] = matrix[rows, rows.stop :].T


def _check_inverse(inverse, clicks, weight, penalty, l2):
    """Warns where the inverse is not one, by how it treats one vector."""
    vector = np.random.default_rng(0).choice((-1.0, 1.0), len(inverse)).astype(inverse.dtype)
    solved = (inverse @ vector).astype(np.float64)
    sums = clicks @ solved
    again = clicks.T @ (sums if weight is None else weight * sums) + penalty * solved
    error = np.linalg.norm(again - vector) / max(1.0, np.linalg.norm(vector))
    if error > LARGEST_ERROR:
        logger.warning(
            "EASE's matrix is nearly singular: in %s its inverse is wrong by %.1g of its size. "
            "Received: l2=%s. Raise `l2`, or use dtype='float64'.",
            inverse.dtype,
            error,
            l2,
        )


def _weights(inverse):
    """B where all labels are 1, in the memory of P."""
    inverse *= -1 / np.diag(inverse)  # column j
    np.fill_diagonal(inverse, 0)
    return inverse


def _weights_of_labels(inverse, found):
    """B, in the memory of X' W (X - Y)."""
    for columns in _blocks(found):
        found[:, columns] = inverse @ found[:, columns]
    factors = (1 - np.diag(found)) / np.diag(inverse)
    for rows in _blocks(found):
        found[rows] += inverse[rows] * factors
        found[rows] *= -1
    np.fill_diagonal(found, 0)
    return found


def _blocks(matrix):
    """Slices of its rows or columns, `BLOCK_CELLS` cells each."""
    step = max(1, BLOCK_CELLS // len(matrix))
    for start in range(0, len(matrix), step):
        yield slice(start, min(start + step, len(matrix)))
