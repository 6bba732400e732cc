"""Recall: how many of a user's relevant items are in the list."""


def recall(hits, num_relevant, k):
    """Share of the relevant items that are among the first k, `(users,)` in [0, 1].

    Formula: `hits in the first k / relevant`. Not to be confused with the two others that go by this name: divided by
    `min(k, relevant)`, or 1 as soon as there is a hit.
    """
    return hits[:, :k].sum(axis=1) / num_relevant
