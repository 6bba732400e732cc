"""What item vectors lose when they are kept in fewer bytes."""

import numpy as np
from keras import ops

K = 20
MOST_USERS = 1000
_CHUNK = 64  # users whose scores for all items are in memory together


def compression_loss(search, target, split, seed=0):
    """Compares the lists of the vectors as they are with those of the vectors as they are kept.

    Evaluated on the noisy validation, of at most 1,000 users with history, all items of train left
    out.

    Args:
        search: `IndexSearch`, or `TwoStageSearch`, whose first stage is then evaluated.
        target: the factorized model that it was made of.
        split: the `Split` that it was trained on.
        seed: which users.

    Returns:
        `{"users", "recall@20", "recall@20 exact", "same items@20"}`: how many users; their recall;
        what it would be with vectors of 32 bits; and the share of items that both lists have.
    """
    search = getattr(search, "retrieval", search)
    split = split.refit_of or split
    users = np.intersect1d(split.validation.user_id, split.train.user_id)
    if len(users) > MOST_USERS:
        users = np.sort(np.random.default_rng(seed).choice(users, MOST_USERS, replace=False))
    items = np.arange(split.num_items, dtype=np.int32)
    exact = ops.convert_to_numpy(target.candidate_embedding(items)).astype(np.float32).T
    kept = search.table.vectors(items).numpy().T
    queries = search.queries.numpy()[:, : search.table.dim]
    train, validation = (part.to_csr() for part in (split.train, split.validation))
    found = []
    for start in range(0, len(users), _CHUNK):
        chunk = users[start : start + _CHUNK]
        seen, wanted = train[chunk].toarray() > 0, validation[chunk].toarray() > 0
        lists = [_best(np.where(seen, -np.inf, queries[chunk] @ table)) for table in (kept, exact)]
        same = [len(np.intersect1d(*pair)) / len(pair[0]) for pair in zip(*lists, strict=True)]
        hits = [
            np.take_along_axis(wanted, best, axis=1).sum(axis=1) / wanted.sum(axis=1)
            for best in lists
        ]
        found.append(np.column_stack([*hits, same]))
    recall, exactly, same = (
        np.concatenate(found).mean(axis=0).round(4).tolist() if found else (None,) * 3
    )
    return {
        "users": len(users),
        f"recall@{K}": recall,
        f"recall@{K} exact": exactly,
        f"same items@{K}": same,
    }


def _best(scores):
    return np.argsort(-scores, axis=1, kind="stable")[:, :K]
