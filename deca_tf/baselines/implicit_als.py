"""ALS: matrix factorization of all pairs, observed and not.

Needs the package implicit, the extra `als`.
"""

from typing import Any

import numpy as np
import scipy.sparse

from deca_tf._extras import require_extra
from deca_tf.baselines._two_stages import InTwoStages
from deca_tf.baselines.baseline import popularity_weight
from deca_tf.baselines.popularity import popularity_bonus
from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option


class ImplicitALS(InTwoStages):
    """Scores by dot products of vectors that are fitted by alternating least squares.

    Source: Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM
    2008, Eq. (3), by the library `implicit`, with x_u and y_i the vectors and p_ui = 1 for observed
    pairs, else 0:

        minimise  sum over all u, i of c_ui * (p_ui - x_u' y_i)^2
                  + l2 * (sum of |x_u|^2 + sum of |y_i|^2)

    Differs: c_ui is `alpha` for observed pairs, where the paper has 1 + alpha; it is 1 for all
    others in both. The same settings, data and machine give the same vectors.

    Raises:
        ImportError: the package implicit is not installed.
        ValueError: a setting out of its range.

    Example:
        >>> ImplicitALS(split.train, factors=8).score_all_items([0, 1]).shape
        (2, 40)

    Stability: stable.
    """

    factors: int = option(default=64, search=OneOf(64, 128), doc="Length of the vectors.")
    l2: float = option(
        default=10.0,
        low=0,
        search=OneOf(10.0, 30.0, 100.0),
        doc="Strength of the penalty on the vectors.",
    )
    alpha: float = option(
        default=1.0,
        low=0,
        search=OneOf(1.0, 5.0),
        doc="Weight of an observed pair, where an unobserved one weighs 1.",
    )
    popularity_weight: float = popularity_weight(0.0, 0.3, 1.0)
    iterations: int = option(default=15, doc="How often users and items are solved for in turn.")
    seed: int = option(default=0, low=0, doc="Fixes the first vectors.")
    num_threads: int = option(
        default=1,
        doc="The vectors do not depend on it. More than are idle make it slower, since they wait for "
        "each other many times in each iteration.",
    )

    def learn(self, interactions: Interactions, shared: dict[Any, Any] | None) -> None:
        settings = {
            "factors": self.factors,
            "regularization": self.l2,
            "alpha": self.alpha,
            "iterations": self.iterations,
            "random_state": self.seed,
            "num_threads": self.num_threads,
        }
        self.user_factors, self.item_factors = _fit(interactions.to_csr(), settings)

    def finish(self, interactions: Interactions) -> None:
        self.bonus = popularity_bonus(interactions, self.popularity_weight)

    def query_embedding(self, user_ids: np.ndarray) -> np.ndarray:
        """A user's vector and 1, which takes the bonus: `(batch,)` to `(batch, factors + 1)`."""
        return _with_column(self.user_factors[np.asarray(user_ids)], 1.0)

    def candidate_embedding(self, item_ids: np.ndarray) -> np.ndarray:
        """An item's vector and its bonus: `(batch,)` to `(batch, factors + 1)`."""
        item_ids = np.asarray(item_ids)
        return _with_column(self.item_factors[item_ids], self.bonus[item_ids])


def _with_column(vectors, value):
    column = np.broadcast_to(np.float32(value), len(vectors))
    return np.column_stack([vectors, column])


def _fit(histories, settings):
    """Vectors of all users and items, float32 `(num_users, factors)` and `(num_items, factors)`."""
    require_extra("als", "The baseline 'als'")
    import threadpoolctl
    from implicit.cpu.als import AlternatingLeastSquares

    # implicit has threads of its own; those of the BLAS library below would stand in their way, up
    # to ten times slower, of which it warns.
    with threadpoolctl.threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(**settings)
        model.fit(scipy.sparse.csr_matrix(histories), show_progress=False)
    # A user without history has the vector 0 here, and so all scores 0: popularity ranks.
    return model.user_factors, model.item_factors
