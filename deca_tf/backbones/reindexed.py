"""A trained model, asked under other dense ids than its own."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from deca_tf._checks import check_integer

PAIRS = 2**16  # scores at once where each takes a network


class Reindexed:
    """Some users and items of a model, reindexed: to evaluate it beside one trained on other ids.

    Args:
        model: a `Backbone`, or whatever has `score_all_items(user_ids)`; of a `DeCAModel`, its
            `recommender`.
        users: int `(num_users,)`: position u holds the model's own id of user u here.
        items: int `(num_items,)`, likewise.
        pairs: scores at once of a model that is no dot product.

    Example:
        >>> turned = Reindexed(model.recommender, [2, 0], [5, 1, 3])
        >>> turned.score_all_items([0]).shape
        (1, 3)
    """

    def __init__(
        self, model: Any, users: npt.ArrayLike, items: npt.ArrayLike, pairs: int = PAIRS
    ) -> None:
        self.model = model
        self.users, self.items = np.asarray(users, np.int32), np.asarray(items, np.int32)
        self.pairs = check_integer("pairs", pairs)

    @property
    def num_users(self) -> int:
        return len(self.users)

    @property
    def num_items(self) -> int:
        return len(self.items)

    @property
    def is_factorized(self) -> bool:
        """As the model's own."""
        return getattr(self.model, "is_factorized", False)

    def query_embedding(self, user_ids: tf.Tensor) -> tf.Tensor:
        """User side of the score, int `(batch,)` to `(batch, dim)`, of a factorized model."""
        return self.model.query_embedding(self.users[user_ids])

    def candidate_embedding(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Item side of the score, likewise."""
        return self.model.candidate_embedding(self.items[item_ids])

    def score_all_items(self, user_ids: tf.Tensor) -> tf.Tensor:
        """Scores of every item here: int `(batch,)` to float `(batch, num_items)`."""
        users = self.users[np.asarray(user_ids)]
        size = max(1, self.pairs // getattr(self.model, "num_items", self.num_items))
        parts = [users[start : start + size] for start in range(0, len(users), size)]
        return np.concatenate(
            [np.asarray(self.model.score_all_items(part))[:, self.items] for part in parts]
        )
