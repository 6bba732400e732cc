"""Cosines and bonuses by hand, and what is shared by the backbones that have them."""

import numpy as np
import pytest

from deca_tf.backbones import GMF, MF, LightGCN
from deca_tf.data import Interactions

PAIRS = {"user_id": np.array([0, 1]), "item_id": np.array([2, 0])}


def clicks():
    """Item 0 is clicked twice, item 1 not at all, item 2 once; a repeated pair counts once."""
    users, items = [0, 1, 1, 1], [0, 0, 0, 2]
    return Interactions(np.array(users), np.array(items), np.arange(2), np.arange(3))


def filled(cls, **options):
    model = cls(2, 3, embedding_dim=2, **options)
    model.user_table.assign([[3.0, 4.0], [-1.0, 0.0]])
    model.item_table.assign([[6.0, 8.0], [0.0, 0.0], [0.0, -2.0]])
    return model


def test_mf_s_cosine():
    """(3, 4)/5 . (0, -2)/2 = -.8; (-1, 0)/1 . (6, 8)/10 = -.6."""
    np.testing.assert_allclose(filled(MF, cosine=True)(PAIRS), [-0.8, -0.6], rtol=1e-6)


def test_a_vector_of_zeros_has_the_cosine_0():
    model = filled(MF, cosine=True)
    scores = np.array(model.score_all_items(np.array([0])))
    np.testing.assert_allclose(scores, [[1.0, 0.0, -0.8]], atol=1e-6)


def test_gmf_weighs_the_products_of_directions():
    """(.6, .8) * (0, -1) . (2, 3) + 7 = 4.6; (-1, 0) * (.6, .8) . (2, 3) + 7 = 5.8."""
    model = filled(GMF, cosine=True)
    model.output_weight.assign([[2.0], [3.0]])
    model.output_bias.assign([7.0])
    np.testing.assert_allclose(model(PAIRS), [4.6, 5.8], rtol=1e-6)


@pytest.mark.parametrize("cls", [MF, GMF])
def test_the_bonus_is_the_logarithm_of_one_more_than_the_clicks(cls):
    plain, model = filled(cls, item_bias=True), filled(cls, item_bias=True, popularity_bonus=0.5)
    model.adapt(clicks())
    bonus = 0.5 * np.log([3, 1, 2])
    np.testing.assert_allclose(model(PAIRS), np.array(plain(PAIRS)) + bonus[[2, 0]], rtol=1e-5)
    users = np.array([0, 1])
    np.testing.assert_allclose(
        model.score_all_items(users), np.array(plain.score_all_items(users)) + bonus, rtol=1e-5
    )
    assert len(model.trainable_variables) == len(plain.trainable_variables)


def test_lightgcn_s_cosine_is_that_of_propagated_vectors():
    plain = LightGCN(2, 3, embedding_dim=4)
    model = LightGCN(2, 3, embedding_dim=4, cosine=True, popularity_bonus=2.0)
    for each in (plain, model):
        each.adapt(clicks())
    users, items = (np.array(part) for part in plain.propagated())
    for row, (u, i) in enumerate(zip(*PAIRS.values(), strict=True)):
        expected = users[u] @ items[i] / np.linalg.norm(users[u]) / np.linalg.norm(items[i])
        expected += 2 * np.log(1 + [2, 0, 1][i])
        assert float(np.array(model(PAIRS))[row]) == pytest.approx(expected, rel=1e-5)


def test_a_bonus_needs_the_clicks_and_nothing_else_does():
    assert MF(2, 3, popularity_bonus=0.1).needs_data
    assert not MF(2, 3, cosine=True).needs_data
    with pytest.raises(RuntimeError, match="MF must count popularity before it is called"):
        MF(2, 3, popularity_bonus=0.1)(PAIRS)
    with pytest.raises(
        ValueError, match="`popularity_bonus` must be a finite number of at least 0"
    ):
        MF(2, 3, popularity_bonus=-1)
