"""A model under other ids gives the scores of its own."""

import numpy as np
import pytest

from deca_tf.backbones import MF, NeuMF
from deca_tf.backbones.reindexed import Reindexed


@pytest.mark.parametrize("kind", [MF, NeuMF])
def test_scores_are_those_of_the_models_own_ids(kind):
    model = kind(num_users=5, num_items=7, seed=1)
    users, items = np.array([4, 0, 2]), np.array([6, 1, 3, 0])
    renumbered = Reindexed(model, users, items, pairs=8)  # one user at a time
    assert (renumbered.num_users, renumbered.num_items) == (3, 4)
    asked = np.array([2, 0])
    whole = np.asarray(model.score_all_items(np.array([2, 4])))
    np.testing.assert_allclose(
        renumbered.score_all_items(asked), whole[:, items], rtol=1e-5, atol=1e-7
    )
    assert renumbered.is_factorized == (kind is MF)
    if renumbered.is_factorized:
        vectors = (
            np.asarray(renumbered.query_embedding(asked)),
            np.asarray(renumbered.candidate_embedding(np.arange(4))),
        )
        np.testing.assert_allclose(vectors[0] @ vectors[1].T, whole[:, items], rtol=1e-5, atol=1e-7)
