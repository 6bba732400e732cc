"""Scores that are sums over a user's history: of what each item taken adds to every item."""

from typing import TYPE_CHECKING, Any

import numpy as np

from deca_tf.baselines._two_stages import InTwoStages
from deca_tf.baselines.popularity import popularity_bonus
from deca_tf.data.decay import decay
from deca_tf.data.interactions import Interactions


class ItemToItem(InTwoStages):
    """A baseline whose scores are `histories @ weights + bonus`.

    So a user who is unknown to training has a score as well, from the items that he took: the sum
    of their rows of `weights`, and the bonus.

    Attributes:
        histories: SciPy CSR `(num_users, num_items)`, what a score is made of.
        weights: `(num_items, num_items)`, an array or SciPy CSR; row i is what item i, once taken,
            adds to the score of every item.
        bonus: float32 `(num_items,)`, added to everybody's scores.

    Stability: provisional.
    """

    if TYPE_CHECKING:  # hints of attributes would be taken for options

        def __getattr__(self, name: str) -> Any: ...

    def finish(self, interactions: Interactions) -> None:
        self.bonus = popularity_bonus(interactions, self.popularity_weight)
        ages = None if self.half_life is None else decay(interactions, self.half_life)
        self.histories = interactions.to_csr(ages).astype(self.weights.dtype, copy=False)

    def score_all_items(self, user_ids: np.ndarray) -> np.ndarray:
        """Sums of weights, and the bonus: int `(batch,)` to float32 `(batch, num_items)`."""
        scores = self.histories[np.asarray(user_ids)] @ self.weights
        scores = scores if isinstance(scores, np.ndarray) else scores.toarray()
        return scores.astype(np.float32, copy=False) + self.bonus
