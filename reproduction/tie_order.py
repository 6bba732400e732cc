"""What the order of equal scores does.

The same weights, evaluated under other orders of the items.
"""

import dataclasses

import numpy as np

ORDERS = {
    "ascending item id": np.arange,
    "random": lambda num_items: np.random.default_rng(0).permutation(num_items),
    "descending item id": lambda num_items: np.arange(num_items)[::-1],
}


def recall_by_tie_order(model, split):
    """Recall@20 of a trained model with ties in three orders of the item ids.

    Ascending, random and descending.

    The items are renumbered in data and scores alike, which changes nothing but the order of ties.

    Args:
        model: a `DeCAModel`.
        split: the `Split` to evaluate it on.

    Returns:
        `{order: recall@20}`.
    """
    from deca_tf.evaluation import evaluate

    orders = {name: order(split.num_items) for name, order in ORDERS.items()}
    return {
        name: evaluate(
            _Renumbered(model.recommender, order), _renumbered(split, order), ks=(20,)
        ).metrics["recall@20"]
        for name, order in orders.items()
    }


class _Renumbered:
    """A model whose item j is the original's item `order[j]`."""

    def __init__(self, model, order):
        self.model = model
        self.order = order

    def score_all_items(self, user_ids):
        return np.asarray(self.model.score_all_items(user_ids))[:, self.order]


def _renumbered(split, order):
    new_id = np.argsort(order).astype(np.int32)
    parts = {
        name: dataclasses.replace(
            getattr(split, name),
            item_id=new_id[getattr(split, name).item_id],
            raw_item_ids=getattr(split, name).raw_item_ids[order],
        )
        for name in ("train", "validation", "test")
    }
    return dataclasses.replace(split, **parts)
