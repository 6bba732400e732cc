"""Item-kNN: what goes together with what the user took."""

from typing import Any

import numpy as np
import scipy.sparse

from deca_tf.baselines.baseline import half_life, popularity_weight
from deca_tf.baselines.item_to_item import ItemToItem
from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option

# Terms of the sums that are worked out at once, so that memory does not grow with the catalogue.
BLOCK_TERMS = 2**21
VALUE_BITS = 31  # of a float32 that is not below 0


class ItemKNN(ItemToItem):
    """Scores an item by how similar it is to the items of the user's history.

    Source: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001,
    section 3; the shrinkage is that of Ferrari Dacrema et al., "Are we really making much
    progress?", RecSys 2019.

    With w_ui what a click counts, 1 or the weight of the interactions, and 0 where there is none:

        similarity(i, j) = sum over u of w_ui w_uj / (|w_i| |w_j| + shrink)
        score(u, j)      = sum of similarity(i, j) over the items i of u's history
                           among the k most similar to j

    Histories hold clicks, whatever their weights. Of equally similar items the more popular ones
    are neighbours, then the lower ids. Memory is k numbers for each item and one block of
    similarities.

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

    warns_of_weights = False

    def learn(self, interactions: Interactions, shared: dict[Any, Any] | None) -> None:
        clicks = interactions.to_csr(interactions.weight)
        clicks.eliminate_zeros()
        self.weights = _similarities(clicks, self.k, self.shrink)


def _similarities(clicks, k, shrink):
    """SciPy CSR float32 `(num_items, num_items)`.

    Column j holds the similarities of the k items nearest to j.
    """
    num_items = clicks.shape[1]
    users_of = clicks.T.tocsr()
    popularity = np.diff(users_of.indptr)
    lengths = np.sqrt(np.asarray(users_of.power(2).sum(axis=1)).ravel().astype(np.float64))
    order = np.lexsort((np.arange(num_items), -popularity))
    rank = np.empty(num_items, np.int64)
    rank[order] = np.arange(num_items)
    kept = []
    for start, stop in _blocks(users_of, np.diff(clicks.indptr)):
        together = users_of[start:stop] @ clicks
        item = np.repeat(np.arange(start, stop), np.diff(together.indptr))
        other = together.indices
        value = together.data / (lengths[item] * lengths[other] + shrink)
        value[item == other] = 0
        value, neighbour, item = _nearest(value, rank[other], item, together.indptr, k)
        is_similar = value > 0
        kept.append((value[is_similar], order[neighbour[is_similar]], item[is_similar]))
    value, neighbour, item = (np.concatenate(column) for column in zip(*kept, strict=True))
    return scipy.sparse.csr_array((value, (neighbour, item)), shape=(num_items, num_items))


def _blocks(users_of, sizes):
    """Bounds of runs of items whose users have `BLOCK_TERMS` clicks, but one item at least."""
    num_items = users_of.shape[0]
    ends = np.append(0, np.cumsum(sizes.astype(np.int64)[users_of.indices]))[users_of.indptr]
    most = 2 ** max(0, 64 - VALUE_BITS - _bits(num_items))  # whose keys have room
    start = 0
    while start < num_items:
        stop = int(np.searchsorted(ends, ends[start] + BLOCK_TERMS, side="right")) - 1
        stop = min(max(stop, start + 1), start + most, num_items)
        yield start, stop
        start = stop


def _bits(count):
    """How many it takes to number so many things from 0."""
    return (count - 1).bit_length()


def _nearest(value, rank, item, first, k):
    """The k largest values of each item, of equal ones those of the lowest ranks.

    One sort of integers whose digits are the item, the value from the largest down, and the rank.

    Args:
        value: at least 0, `(n,)`.
        rank: of the neighbour among all items, int64 `(n,)`.
        item: rising, `(n,)`.
        first: where each item's entries begin, and where they end, `(items + 1,)`.
        k: how many.

    Returns:
        `(value, rank, item)` of those, values in float32.
    """
    if not len(item):
        return value.astype(np.float32), rank, item
    rank_bits = _bits(int(rank.max()) + 1)
    largest = 2**VALUE_BITS - 1
    fallen = largest - value.astype(np.float32).view(np.int32).astype(np.int64)
    lowest = item[0]
    keys = (item - lowest).astype(np.uint64) << np.uint64(VALUE_BITS + rank_bits)
    keys |= fallen.astype(np.uint64) << np.uint64(rank_bits)
    keys |= rank.astype(np.uint64)
    keys.sort()
    count = np.minimum(np.diff(first), k)
    before = np.append(0, np.cumsum(count))
    keys = keys[np.arange(before[-1]) + np.repeat(first[:-1] - before[:-1], count)]
    fallen = (keys >> np.uint64(rank_bits)) & np.uint64(largest)
    value = (largest - fallen.astype(np.int64)).astype(np.int32).view(np.float32)
    rank = (keys & np.uint64(2**rank_bits - 1)).astype(np.int64)
    return value, rank, (keys >> np.uint64(VALUE_BITS + rank_bits)).astype(np.int64) + lowest
