"""EASE: a linear model from items to items, learned in one step."""

from typing import Any

import numpy as np
import scipy.linalg

from deca_tf.baselines.baseline import half_life, popularity_weight
from deca_tf.baselines.item_to_item import ItemToItem
from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option

BLOCK_CELLS = 2**22  # sparse products turned dense at once


class EASE(ItemToItem):
    """Scores an item by the weights of the user's history that best predict each item from others.

    Source: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, Eq. (8), with X
    the users x items matrix of clicks:

        P = inverse(X' X + l2 * I);   B_ij = -P_ij / P_jj, and B_jj = 0;   scores = X B

    It minimises |X - X B|^2 + l2 * |B|^2 over all B whose diagonal is 0. Learning takes time in
    proportion to num_items^3 and one matrix of num_items^2 numbers, in which the inverse is made.

    Raises:
        ValueError: a setting out of its range, a catalogue larger than `max_items`, or an `l2` so
            small that the matrix cannot be inverted.

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
    dtype: str = option(
        default="float32",
        choices=("float32", "float64"),
        doc="Of the matrices; scores are float32.",
    )
    max_items: int = option(default=20_000, doc="Largest catalogue to take on.")

    def learn(self, interactions: Interactions, shared: dict[Any, Any]) -> None:
        _check_size(interactions.num_items, self.dtype, self.max_items)
        self.weights = _weights(interactions.to_csr().astype(self.dtype), self.l2)


def _check_size(num_items, dtype, max_items):
    if num_items > max_items:
        gigabytes = num_items**2 * np.dtype(dtype).itemsize / 1e9
        raise ValueError(
            "EASE learns a matrix of num_items x num_items, so the catalogue must have at most "
            f"max_items={max_items:,} items. Received: {num_items:,} items, which take "
            f"{gigabytes:,.1f} GB in {dtype}, "
            "and time in proportion to num_items^3. Raise `max_items` if the machine has that, or "
            "use 'item-knn' or "
            "'als'."
        )


def _weights(histories, l2):
    """B, `(num_items, num_items)` in the type of `histories`.

    All is done in the one matrix that is returned.
    """
    num_items = histories.shape[1]
    users_of = histories.T.tocsr()
    matrix = np.empty((num_items, num_items), histories.dtype)
    block = max(1, BLOCK_CELLS // num_items)
    for start in range(0, num_items, block):
        matrix[start : start + block] = (users_of[start : start + block] @ histories).toarray()
    matrix[np.diag_indices(num_items)] += l2
    _invert(matrix, l2, block)
    matrix /= -np.diag(matrix).copy()  # column j by -P_jj
    np.fill_diagonal(matrix, 0)
    return matrix


def _invert(matrix, l2, block):
    """Inverts a symmetric, positive matrix in place; `block` rows at once are mirrored."""
    columns = matrix.T  # the same numbers in the order that LAPACK works on without a copy
    factorize, invert = scipy.linalg.get_lapack_funcs(("potrf", "potri"), (columns,))
    inverse, failed = factorize(columns, lower=True, overwrite_a=True)
    if not failed:
        inverse, failed = invert(inverse, lower=True, overwrite_c=True)
    if failed:
        raise ValueError(
            f"`l2` must be so large that X' X + l2 * I can be inverted in {matrix.dtype}. "
            f"Received: l2={l2}. Raise `l2`"
            ", or use dtype='float64'."
        )
    # LAPACK leaves one triangle as it was: the one below the diagonal, seen from `matrix`.
    for start in range(0, len(matrix), block):
        stop = start + block
        upper = np.triu(matrix[start:stop, start:stop])
        matrix[start:stop, start:stop] = upper + np.triu(upper, 1).T
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T
