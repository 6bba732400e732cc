"""Precision: how much of the list is relevant."""


def precision(hits, num_relevant, k):
    """Share of the k places that hold relevant items, `(users,)` in [0, 1].

    Formula: `hits in the first k / k`, also where there are fewer than k items to rank.
    """
    return hits[:, :k].sum(axis=1) / k
