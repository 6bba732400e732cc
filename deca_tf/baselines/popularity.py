"""Popularity: everybody gets what most people took. Also what other baselines fall back on."""

from typing import TYPE_CHECKING

import numpy as np

from deca_tf._checks import check_range
from deca_tf.baselines.baseline import Baseline, half_life
from deca_tf.data.decay import decay
from deca_tf.data.interactions import Interactions

if TYPE_CHECKING:
    import tensorflow as tf

# What one interaction adds to a score to break ties. A normal float32 (the smallest is 1.2e-38), so
# that no processor flushes it to 0, and yet nothing beside a score: a thousand million interactions
# make 1e-28.
TIE_WEIGHT = 1e-37


class Popularity(Baseline):
    """Scores each item by its number of training interactions, the same for every user.

    With a half-life an interaction counts 2^(-age / half_life), the age in days before the newest
    one of training: what was taken lately ranks first. Equal numbers rank by ascending item id, as
    all ties do. A click counts the same, whatever it weighs.

    Raises:
        ValueError: a half-life where there are no timestamps.

    Example:
        >>> popularity = Popularity(split.train)
        >>> bool(popularity.score_all_items([0]).max() == split.train.item_popularity().max())
        True

    Stability: stable.
    """

    half_life: float | None = half_life(1.0, 3.0, 7.0, 14.0, 30.0, 90.0)

    warns_of_weights = False  # it says so, and evaluation makes one for users without history

    def setup(self, interactions: Interactions) -> None:
        self.counts = item_counts(interactions, self.half_life).astype(np.float32)

    @property
    def for_strangers(self) -> np.ndarray:
        """What each item counts for users without history, too, float32 `(num_items,)`."""
        return self.counts

    def query_embedding(self, user_ids: np.ndarray) -> np.ndarray:
        """1 for every user: int `(batch,)` to float32 `(batch, 1)`."""
        return np.ones((len(user_ids), 1), np.float32)

    def candidate_embedding(self, item_ids: np.ndarray) -> np.ndarray:
        """What each item counts: int `(batch,)` to float32 `(batch, 1)`."""
        return self.counts[np.asarray(item_ids)][:, None]

    def history_embedding(self, item_ids: "tf.Tensor") -> "tf.Tensor":
        """1 for every history: int32 `(batch, n)` to float32 `(batch, 1)`."""
        import tensorflow as tf

        return tf.ones([tf.shape(item_ids)[0], 1])

    def score_all_items(self, user_ids: np.ndarray) -> np.ndarray:
        """What each item counts: int `(batch,)` to float32 `(batch, num_items)`, read-only."""
        return np.broadcast_to(self.counts, (len(user_ids), self.num_items))


def item_counts(interactions, half_life=None):
    """Each item's interactions, decayed by their age or not.

    Args:
        interactions: `Interactions`.
        half_life: in days, or None.

    Returns:
        `(num_items,)`: int64 without a half-life, else float64.
    """
    if half_life is None:
        return interactions.item_popularity()
    values = decay(interactions, half_life)
    return np.bincount(interactions.item_id, values, minlength=interactions.num_items)


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
