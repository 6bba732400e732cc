"""A matrix from items to items with its strongest weights alone, as few as lose nothing."""

import dataclasses

import numpy as np
import scipy.sparse

K = 20
LEAST = 32  # weights per item to begin with; doubled until enough
MOST_USERS = 2000
LOSS = 0.001  # of recall@20, that may be lost or gained
_CHUNK = 256  # users whose scores for all items are in memory together


@dataclasses.dataclass(frozen=True)
class Pruned:
    """What was kept, and what it costs.

    Args:
        weights: SciPy CSR `(num_items, num_items)`.
        facts: for the manifest: `weights_per_item`, `users`, `recall@20`, `recall@20 exact` and
            `bytes`.
    """

    weights: scipy.sparse.csr_array
    facts: dict


def prune(model, split, per_item=None, seed=0):
    """The strongest weights of each item, by their size.

    Evaluated on the noisy validation, of at most 2,000 users with history, items of train left out.

    Args:
        model: a baseline with `weights`, `histories` and `bonus`.
        split: the `Split` that it was trained on.
        per_item: how many weights an item keeps; None: so few that recall@20 changes by less than
            .001, found by doubling; all where the validation cannot tell.
        seed: which users.

    Returns:
        A `Pruned`.
    """
    whole, size = model.weights, model.weights.shape[0]
    split = split.refit_of or split
    users = np.intersect1d(split.validation.user_id, split.train.user_id)
    if len(users) > MOST_USERS:
        users = np.sort(np.random.default_rng(seed).choice(users, MOST_USERS, replace=False))
    recall_of = _Recall(model, split, users) if len(users) else None
    exact = recall_of(whole) if recall_of else None
    if per_item is not None or exact is None:
        kept = strongest(whole, size if per_item is None else min(per_item, size))
        found = recall_of(kept) if recall_of else None
    else:
        per_item = LEAST
        kept = strongest(whole, min(per_item, size))
        found = recall_of(kept)
        while abs(found - exact) >= LOSS and per_item < size:
            per_item *= 2
            kept = strongest(whole, min(per_item, size))
            found = recall_of(kept)
    facts = {
        "weights_per_item": int(np.diff(kept.indptr).max(initial=0)),
        "users": len(users),
        f"recall@{K}": found,
        f"recall@{K} exact": exact,
        "bytes": kept.data.nbytes + kept.indices.nbytes + 8 * (size + 1),
    }
    return Pruned(kept, facts)


def strongest(weights, per_item):
    """The largest weights of each row by their absolute value, and none that is 0.

    Args:
        weights: `(n, n)`, dense or SciPy CSR.
        per_item: how many of a row, at most.

    Returns:
        SciPy CSR, float32 values, sorted int32 columns.
    """
    size = weights.shape[0]
    parts = []
    rows = max(1, 2**22 // max(1, size))
    for start in range(0, size, rows):
        block = weights[start : start + rows]
        if scipy.sparse.issparse(block) and np.diff(block.indptr).max(initial=0) <= per_item:
            part = scipy.sparse.csr_array(block, dtype=np.float32)
        else:
            dense = block.toarray() if scipy.sparse.issparse(block) else block
            part = _strongest(np.asarray(dense, np.float32), per_item)
        parts.append(part)
    kept = scipy.sparse.vstack(parts, format="csr")
    kept.eliminate_zeros()
    kept.sort_indices()
    kept.indices = kept.indices.astype(np.int32, copy=False)
    return kept


def _strongest(block, per_item):
    if per_item >= block.shape[1]:
        return scipy.sparse.csr_array(block)
    columns = np.argpartition(-np.abs(block), per_item - 1, axis=1)[:, :per_item]
    values = np.take_along_axis(block, columns, axis=1)
    splits = np.arange(len(block) + 1) * per_item
    return scipy.sparse.csr_array((values.ravel(), columns.ravel(), splits), shape=block.shape)


class _Recall:
    """Recall@20 of a matrix of weights, for some users."""

    def __init__(self, model, split, users):
        self._model, self._users = model, users
        self._train, self._relevant = (part.to_csr() for part in (split.train, split.validation))

    def __call__(self, weights):
        shares = []
        for start in range(0, len(self._users), _CHUNK):
            users = self._users[start : start + _CHUNK]
            scores = self._model.histories[users] @ weights
            if scipy.sparse.issparse(scores):
                scores = scores.toarray()
            scores = np.asarray(scores, np.float32) + self._model.bonus
            scores[self._train[users].toarray() > 0] = -np.inf
            length = min(K, scores.shape[1])
            best = np.argpartition(-scores, length - 1, axis=1)[:, :length]
            wanted = self._relevant[users].toarray() > 0
            hits = np.take_along_axis(wanted, best, axis=1).sum(axis=1)
            shares.append(hits / wanted.sum(axis=1))
        return float(np.concatenate(shares).mean())
