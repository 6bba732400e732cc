"""A model whose scores follow a trend."""

from typing import Any

import numpy as np


class Trending:
    """Adds a prior to each item's score, whatever the model: `score(u, i) + prior_i`.

    It stands wherever a model is evaluated. A dot product stays one, of vectors with one number
    more: 1 for every user, the prior for an item.

    Args:
        model: a `Backbone` or another Keras model, a `Baseline`, or a `DeCAModel` or anything else
            with a `.recommender`.
        prior: float `(num_items,)`, as `trend_prior` makes it.
        for_strangers: float `(num_items,)`, what ranks the items for users without history, such as
            decayed popularity; None: popularity.
        half_life, weight: of which `prior` and `for_strangers` were made, so that a served version
            can make them anew of newer clicks; None: they stay as they are.

    Attributes:
        scored: the model that scores: `model`, or its recommender.
        recommender: the same prior on `scored`.

    Raises:
        ValueError: a prior that is no finite number for each item.

    Example:
        >>> trending = Trending(model, deca_tf.trends.trend_prior(split.train, half_life=7))
        >>> sorted(deca_tf.evaluate(trending, split, ks=(5,)).metrics)
        ['mrr@5', 'ndcg@5', 'precision@5', 'recall@5']

    Stability: provisional.
    """

    def __init__(
        self,
        model: Any,
        prior: np.ndarray,
        for_strangers: np.ndarray | None = None,
        *,
        half_life: float | None = None,
        weight: float | None = None,
    ) -> None:
        self.half_life, self.weight = half_life, weight
        self.model = model
        self.scored = getattr(model, "recommender", model)
        self.num_items = getattr(self.scored, "num_items", len(prior))
        if hasattr(self.scored, "num_users"):
            self.num_users = self.scored.num_users
        self.prior = self._checked("prior", prior)
        self.for_strangers = (
            None if for_strangers is None else self._checked("for_strangers", for_strangers)
        )

    def _checked(self, name, values):
        values = np.asarray(values, np.float32)
        if values.shape != (self.num_items,) or not np.isfinite(values).all():
            raise ValueError(
                f"`{name}` must be a finite number for each of {self.num_items} items. Received: "
                f"an array of shape {values.shape}"
                f"{'' if np.isfinite(values).all() else ' that is not finite'}."
            )
        return values

    @property
    def recommender(self) -> "Trending":
        """Itself, if its model has no recommender of its own."""
        if self.scored is self.model:
            return self
        made_of = {"half_life": self.half_life, "weight": self.weight}
        return Trending(self.scored, self.prior, self.for_strangers, **made_of)

    @property
    def is_factorized(self) -> bool:
        """Whether a score is the dot product of the two embeddings."""
        return getattr(self.scored, "is_factorized", False)

    def query_embedding(self, user_ids: np.ndarray) -> np.ndarray:
        """User side of the score: int `(batch,)` to float32 `(batch, dim + 1)`."""
        vectors = _floats(self.scored.query_embedding(user_ids))
        return np.column_stack([vectors, np.ones(len(vectors), np.float32)])

    def candidate_embedding(self, item_ids: np.ndarray) -> np.ndarray:
        """Item side of the score: int `(batch,)` to float32 `(batch, dim + 1)`."""
        vectors = _floats(self.scored.candidate_embedding(item_ids))
        return np.column_stack([vectors, self.prior[np.asarray(item_ids)]])

    def score_all_items(self, user_ids: np.ndarray) -> np.ndarray:
        """Scores of every item: int `(batch,)` to float32 `(batch, num_items)`."""
        if hasattr(self.scored, "score_all_items"):
            scores = self.scored.score_all_items(user_ids)
        else:
            from deca_tf.backbones.backbone import score_pairs

            scores = score_pairs(self.scored, self.num_items, np.asarray(user_ids, np.int32))
        return _floats(scores) + self.prior


def _floats(values):
    """NumPy float32 of what a NumPy or a Keras model gives."""
    return np.asarray(values, np.float32)
