"""How well each kind of users and of items is served: an evaluation, slice by slice.

NumPy and pandas only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from deca_tf._checks import check_integer
from deca_tf.data import schema
from deca_tf.data.interactions import Interactions

if TYPE_CHECKING:
    from deca_tf.evaluation import Evaluation

CLICKS = (0, 1, 5, 10, 20, 50, 100)  # the least clicks of each group of users
DECILES = 10
METRICS = ("recall", "ndcg")


def slices(evaluation: Evaluation, train: Interactions, k: int = 20) -> pd.DataFrame:
    """The metrics of an evaluation, slice by slice.

    Users: all, without and with a training history, and by their number of clicks in it; the
    metrics are means over users. Items: in the order of their clicks in train, equal ones by id,
    cut into ten groups of equally many items, decile 1 the most popular; recall is the share of the
    test's pairs with such an item that come among the first k.

    Args:
        evaluation: an `Evaluation` whose lists are long enough for k.
        train: `Interactions` that the model was trained on.
        k: length of the lists.

    Returns:
        A `pandas.DataFrame` with a row per slice that holds anything: `slice`, `users`, `pairs`,
        `recall@k` and `ndcg@k`, which items do not have.

    Raises:
        ValueError: a k that was not evaluated.

    Example:
        >>> table = slices(deca_tf.evaluate(model, split), split.train)
        >>> table["slice"].head(3).tolist()
        ['all users', 'warm users', 'users with 5 to 9 clicks']

    Stability: provisional.
    """
    names = [f"{metric}@{check_integer('k', k)}" for metric in METRICS]
    if names[0] not in evaluation.per_user:
        raise ValueError(
            f"`k` must be one that was evaluated, and {names[0]} was not. Received: k={k}."
        )
    per_user, per_pair = evaluation.per_user, evaluation.per_pair
    users, pairs_of = np.unique(per_pair[schema.USER_ID], return_counts=True)
    clicks = train.user_activity()[users]
    is_warm = per_user["is_warm"].to_numpy()
    rows = []
    for name, chosen in {
        "all users": np.ones(len(users), bool),
        "cold users": ~is_warm,
        "warm users": is_warm,
        **{f"users with {text} clicks": chosen for text, chosen in _by_clicks(clicks)},
    }.items():
        if chosen.any():
            counts = {"users": int(chosen.sum()), "pairs": int(pairs_of[chosen].sum())}
            rows.append({"slice": name, **counts, **per_user.loc[chosen, names].mean().to_dict()})
    decile = item_deciles(train)[per_pair[schema.ITEM_ID]]
    is_found = per_pair["rank"].between(1, k)
    for number in range(1, DECILES + 1):
        chosen = decile == number
        if chosen.any():
            counts = {
                "users": int(per_pair.loc[chosen, schema.USER_ID].nunique()),
                "pairs": int(chosen.sum()),
            }
            rows.append(
                {
                    "slice": f"items, decile {number}",
                    **counts,
                    names[0]: float(is_found[chosen].mean()),
                }
            )
    return pd.DataFrame(rows, columns=["slice", "users", "pairs", *names])


def item_deciles(train: Interactions) -> np.ndarray:
    """Each item's tenth by popularity, from 1, the most popular, to 10: int64 `(num_items,)`."""
    order = np.argsort(-train.item_popularity(), kind="stable")
    decile = np.empty(len(order), np.int64)
    decile[order] = np.arange(len(order)) * DECILES // max(1, len(order)) + 1
    return decile


def _by_clicks(clicks):
    for low, above in zip(CLICKS, (*CLICKS[1:], None), strict=True):
        text = (
            f"{low} or more"
            if above is None
            else str(low)
            if above == low + 1
            else f"{low} to {above - 1}"
        )
        yield text, (clicks >= low) & (above is None or clicks < above)
