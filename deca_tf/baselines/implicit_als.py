"""ALS: matrix factorization of all pairs, observed and not.

Needs the package implicit, the extra `als`.
"""

import numpy as np
import scipy.sparse

from deca_tf._checks import check_integer, check_range
from deca_tf._extras import require_extra
from deca_tf.baselines.popularity import popularity_bonus


class ImplicitALS:
    """Scores by the dot product of a user's and an item's vector, fitted by alternating least squares.

    Source: Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM
    2008, Eq. (3), by the library `implicit`, with x_u and y_i the vectors and p_ui = 1 for observed
    pairs, else 0:

        minimise  sum over all u, i of c_ui * (p_ui - x_u' y_i)^2  +  l2 * (sum of |x_u|^2 + sum of |y_i|^2)

    Differs: c_ui is `alpha` for observed pairs, where the paper has 1 + alpha; it is 1 for all
    others in both. The same settings, data and machine give the same vectors.

    Args:
        interactions: `Interactions` to learn from, normally `split.train`. A repeated pair counts
            once.
        factors: length of the vectors, at least 1.
        l2: strength of the penalty on the vectors, at least 0.
        alpha: weight of an observed pair, where an unobserved one weighs 1; at least 0.
        popularity_weight: adds this times the share of users who took the item to its score, at
            least 0; at 0 popularity ranks only what the model says nothing about, with a score of
            0.
        iterations: how often users and items are solved for in turn, at least 1.
        seed: of the first vectors, at least 0.
        num_threads: at least 1. The vectors do not depend on it. More than are idle make it slower,
            since they wait for each other many times in each iteration.

    Raises:
        ImportError: the package implicit is not installed.
        ValueError: a setting out of its range.

    Example:
        >>> evaluate(ImplicitALS(split.train, factors=64), split).metrics["recall@20"]
    """

    GRID = {
        "factors": (64, 128),
        "l2": (10.0, 30.0, 100.0),
        "alpha": (1.0, 5.0),
        "popularity_weight": (0.0, 0.3, 1.0),
    }

    def __init__(
        self,
        interactions,
        factors=64,
        l2=10.0,
        alpha=1.0,
        popularity_weight=0.0,
        iterations=15,
        seed=0,
        num_threads=1,
    ):
        settings = {
            "factors": check_integer("factors", factors),
            "regularization": check_range("l2", l2, 0),
            "alpha": check_range("alpha", alpha, 0),
            "iterations": check_integer("iterations", iterations),
            "random_state": check_integer("seed", seed, 0),
            "num_threads": check_integer("num_threads", num_threads),
        }
        self.bonus = popularity_bonus(interactions, popularity_weight)
        self.user_factors, self.item_factors = _fit(interactions.to_csr(), settings)

    @property
    def num_items(self):
        """Size of the item id space."""
        return len(self.bonus)

    def score_all_items(self, user_ids):
        """Dot products, and popularity: int `(batch,)` to float32 `(batch, num_items)`."""
        return self.user_factors[np.asarray(user_ids)] @ self.item_factors.T + self.bonus


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
