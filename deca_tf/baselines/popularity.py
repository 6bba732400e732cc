"""Popularity: everybody gets what most people took. Also what other baselines fall back on."""

import numpy as np

from deca_tf._checks import check_range
from deca_tf.baselines.baseline import Baseline
from deca_tf.data.interactions import Interactions

# What one interaction adds to a score to break ties. A normal float32 (the smallest is 1.2e-38), so
# that no processor flushes it to 0, and yet nothing beside a score: a thousand million interactions
# make 1e-28.
TIE_WEIGHT = 1e-37


class Popularity(Baseline):
    """Scores each item by its number of training interactions, the same for every user.

    Equal numbers rank by ascending item id, as all ties do. A click counts once, whatever it
    weighs.

    Example:
        >>> popularity = Popularity(split.train)
        >>> bool(popularity.score_all_items([0]).max() == split.train.item_popularity().max())
        True

    Stability: stable.
    """

    warns_of_weights = False  # it says so, and evaluation makes one for users without history

    def setup(self, interactions: Interactions) -> None:
        self.counts = interactions.item_popularity().astype(np.float32)

    @property
    def num_items(self) -> int:
        """Size of the item id space."""
        return len(self.counts)

    def score_all_items(self, user_ids: np.ndarray) -> np.ndarray:
        """Each item's interactions: int `(batch,)` to float32 `(batch, num_items)`, read-only."""
        return np.broadcast_to(self.counts, (len(user_ids), self.num_items))


def popularity_bonus(interactions, weight):
    """What popularity adds to the scores of another baseline.

    With weight 0 it breaks ties: an item about which the model says nothing, with a score of
    exactly 0, ranks by popularity, and so do all items for a user without history; any other score
    stays what it was. With a larger weight popular items come sooner for everybody, as an item bias
    would have it.

    Args:
        interactions: `Interactions` to count.
        weight: at least 0; what is added to an item that every user with history took.

    Returns:
        float32 `(num_items,)`.

    Raises:
        ValueError: a weight out of its range.
    """
    weight = check_range("popularity_weight", weight, 0)
    num_active = max(1, np.count_nonzero(interactions.user_activity()))
    return (interactions.item_popularity() * max(weight / num_active, TIE_WEIGHT)).astype(
        np.float32
    )
