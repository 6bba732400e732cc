"""Popularity: everybody gets what most people took."""

import numpy as np


class Popularity:
    """Scores each item by its number of training interactions, the same for every user.

    Equal numbers rank by ascending item id, as all ties do.

    Args:
        interactions: `Interactions` to count, normally `split.train`.

    Example:
        >>> evaluate(Popularity(split.train), split).metrics["recall@20"]
    """

    def __init__(self, interactions):
        self.counts = interactions.item_popularity().astype(np.float32)

    @property
    def num_items(self):
        """Size of the item id space."""
        return len(self.counts)

    def score_all_items(self, user_ids):
        """Number of interactions of every item: int `(batch,)` to float32 `(batch, num_items)`, read-only."""
        return np.broadcast_to(self.counts, (len(user_ids), self.num_items))
