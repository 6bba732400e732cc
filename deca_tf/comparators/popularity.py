"""Popularity: everybody gets what most people took."""

import numpy as np


class Popularity:
    """Scores each item by its number of training interactions, the same for every user.

    Args:
        interactions: `Interactions` to count, normally `split.train`.
    """

    def __init__(self, interactions):
        self.counts = interactions.item_popularity().astype(np.float32)

    def score_all_items(self, user_ids):
        """Counts as scores: `(batch,)` to float32 `(batch, num_items)`."""
        import tensorflow as tf

        return tf.broadcast_to(self.counts, (tf.shape(user_ids)[0], len(self.counts)))

    __call__ = score_all_items
