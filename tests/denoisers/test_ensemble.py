"""Two members that learn apart and recommend together."""

import keras
import numpy as np
import pytest

from deca_tf.backbones import GMF, MF
from deca_tf.data import Interactions, training_batches
from deca_tf.denoisers import Ensemble
from deca_tf.denoisers.ensemble import MeanOfTwo
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS = 12, 15
L2 = 0.01


@pytest.fixture(scope="module")
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 64, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def member(seed, cls=GMF):
    return cls(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.5, seed=seed)


def train(model, interactions, epochs=2):
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    model.fit(
        training_batches(interactions, batch_size=32, seed=3),
        epochs=epochs,
        verbose=0,
        shuffle=False,
    )
    return model


def ensemble():
    return DeCAModel(member(1), Ensemble(member(2)), l2=L2 * USERS)


def all_pairs():
    users, items = np.divmod(np.arange(USERS * ITEMS, dtype=np.int32), ITEMS)
    return {"user_id": users, "item_id": items}


def probabilities(model):
    return 1 / (1 + np.exp(-np.float64(model(all_pairs()))))


def weights(*networks):
    return [weight for network in networks for weight in network.get_weights()]


def test_members_learn_as_each_would_alone(interactions):
    both = train(ensemble(), interactions)
    alone = [train(DeCAModel(member(seed), l2=L2 * USERS), interactions).target for seed in (1, 2)]
    for one, expected in zip(
        weights(both.target, both.denoiser.partner), weights(*alone), strict=True
    ):
        np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-6)


def test_mean_of_the_probabilities_recommends(interactions):
    model = train(ensemble(), interactions)
    expected = (probabilities(model.target) + probabilities(model.denoiser.partner)) / 2
    np.testing.assert_allclose(probabilities(model.recommender), expected, rtol=1e-5)
    np.testing.assert_allclose(probabilities(model), expected, rtol=1e-5)
    ranked = np.array(model.recommender.score_all_items(np.arange(USERS)))
    np.testing.assert_allclose(1 / (1 + np.exp(-ranked.reshape(-1))), expected, rtol=1e-5)
    assert (model.recommender.num_users, model.recommender.num_items) == (USERS, ITEMS)


def test_recommender_has_the_members_weights_and_no_others():
    model = ensemble()
    members = model.target.variables + model.denoiser.partner.variables
    assert {id(v) for v in model.recommender.variables} == {id(v) for v in members}
    model.recommender.set_weights([weight + 1 for weight in model.recommender.get_weights()])
    for one, expected in zip(
        weights(model.target, model.denoiser.partner), weights(member(1), member(2)), strict=True
    ):
        np.testing.assert_allclose(one, expected + 1, rtol=1e-6)


def test_recommender_of_a_loaded_model_is_made_of_the_loaded_members(interactions, tmp_path):
    model = train(ensemble(), interactions)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.recommender.first is loaded.target
    assert loaded.recommender.second is loaded.denoiser.partner
    assert not np.array_equal(weights(loaded.target)[0], weights(loaded.denoiser.partner)[0])
    np.testing.assert_array_equal(probabilities(loaded), probabilities(model))
    for one, expected in zip(weights(loaded), weights(model), strict=True):
        np.testing.assert_array_equal(one, expected)


def test_recommender_can_be_saved_by_itself(tmp_path):
    recommender = ensemble().recommender
    recommender.save(tmp_path / "recommender.keras")
    loaded = keras.models.load_model(tmp_path / "recommender.keras")
    np.testing.assert_array_equal(probabilities(loaded), probabilities(recommender))


def test_members_may_be_any_keras_models():
    """Those without sizes and `score_all_items` are evaluated pair by pair.

    The mean must not pretend to have them.
    """
    inputs = {name: keras.Input((), dtype="int32", name=name) for name in ("user_id", "item_id")}
    plain = keras.Model(inputs, keras.ops.cast(inputs["user_id"] - inputs["item_id"], "float32"))
    mean = MeanOfTwo(plain, member(2, MF))
    assert not hasattr(mean, "score_all_items")
    assert not hasattr(mean, "num_items")
    expected = (probabilities(plain) + probabilities(member(2, MF))) / 2
    np.testing.assert_allclose(probabilities(mean), expected, rtol=1e-5)


def test_partner_of_another_size_is_refused():
    with pytest.raises(ValueError, match="`partner` must have the target's `num_items`, 15"):
        DeCAModel(member(1), Ensemble(MF(USERS, ITEMS + 1)))
