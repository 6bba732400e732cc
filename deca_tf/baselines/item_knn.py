"""Item-kNN: what goes together with what the user took."""

from typing import Any

import numpy as np
import scipy.sparse

from deca_tf.baselines.baseline import half_life, popularity_weight
from deca_tf.baselines.item_to_item import ItemToItem
from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option

# Similarities worked out at once, so that a large catalogue needs no items x items matrix.
BLOCK_CELLS = 2**22


class ItemKNN(ItemToItem):
    """Scores an item by how similar it is to the items of the user's history.

    Source: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001,
    section 3; the shrinkage is that of Ferrari Dacrema et al., "Are we really making much
    progress?", RecSys 2019.

    With n_i the number of users of item i and n_ij that of users of both:

        similarity(i, j) = n_ij / (sqrt(n_i * n_j) + shrink)
        score(u, j)      = sum of similarity(i, j) over the items i of u's history
                           among the k most similar to j

    Of equally similar items the more popular ones are neighbours, then the lower ids. Memory is k
    numbers for each item and one block of similarities.

    Raises:
        ValueError: a setting out of its range.

    Example:
        >>> ItemKNN(split.train, k=10).score_all_items([0, 1]).shape
        (2, 40)

    Stability: stable.
    """

    k: int = option(default=100, search=OneOf(50, 200, 500), doc="Neighbours kept for each item.")
    shrink: float = option(
        default=10.0,
        low=0,
        search=OneOf(0.0, 30.0, 100.0, 1000.0),
        doc="Pulls similarities that rest on few users towards 0; in users.",
    )
    popularity_weight: float = popularity_weight(0.0, 1.0, 3.0)

    half_life: float | None = half_life(7.0, 30.0, 90.0)

    def learn(self, interactions: Interactions, shared: dict[Any, Any] | None) -> None:
        self.weights = _similarities(interactions.to_csr(), self.k, self.shrink)


def _similarities(histories, k, shrink):
    """SciPy CSR float32 `(num_items, num_items)`.

    Column j holds the similarities of the k items nearest to j.
    """
    num_items = histories.shape[1]
    users_of = histories.T.tocsr()
    sizes = np.diff(users_of.indptr).astype(np.float64)
    block = max(1, BLOCK_CELLS // num_items)
    kept = []
    for start in range(0, num_items, block):
        together = (users_of[start : start + block] @ histories).tocoo()
        item, other = together.row + start, together.col
        value = together.data / (np.sqrt(sizes[item] * sizes[other]) + shrink)
        apart = item != other
        item, other, value = item[apart], other[apart], value[apart]
        order = np.lexsort((other, -sizes[other], -value, item))
        place = np.arange(len(order)) - np.searchsorted(
            item[order], item[order]
        )  # from 0 within each item
        nearest = order[place < k]
        kept.append((value[nearest].astype(np.float32), other[nearest], item[nearest]))
    value, neighbour, item = (np.concatenate(column) for column in zip(*kept, strict=True))
    return scipy.sparse.csr_array((value, (neighbour, item)), shape=(num_items, num_items))
