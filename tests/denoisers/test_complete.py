"""Networks that nobody passed: `DeCAModel` has the denoiser make them."""

import keras
import numpy as np
import pytest

from deca_tf.backbones import CDAE, GMF, MF
from deca_tf.data import Interactions, training_batches
from deca_tf.denoisers import DENOISERS, DeCA, Denoiser, Ensemble
from deca_tf.runs.seeds import role_seed
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS = 6, 8
ROLES = ("auxiliary", "likelihood_if_negative", "likelihood_if_positive")


@pytest.fixture
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 24, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def gmf(**options):
    return GMF(USERS, ITEMS, **{"embedding_dim": 4, "seed": 5, **options})


def pairs():
    users, items = np.divmod(np.arange(USERS * ITEMS, dtype=np.int32), ITEMS)
    return {"user_id": users, "item_id": items}


def test_deca_makes_three_mf_of_the_target_s_sizes_with_seeds_of_their_own():
    denoiser = DeCA(c1=100, c2=10)
    DeCAModel(gmf(), denoiser)
    made = [getattr(denoiser, role) for role in ROLES]
    assert {type(network) for network in made} == {MF}
    assert {(m.num_users, m.num_items, m.embedding_dim) for m in made} == {(USERS, ITEMS, 4)}
    assert len({network.seed for network in made} | {5}) == 4


def test_seeds_are_those_that_a_run_of_the_target_s_seed_gives_the_roles():
    denoiser = DeCA()
    DeCAModel(gmf(seed=3), denoiser)
    config = type("Config", (), {"seed": 3})
    assert [getattr(denoiser, role).seed for role in ROLES] == [
        role_seed(config, role) for role in ROLES
    ]


def test_networks_that_are_passed_stay():
    prior, own = MF(USERS, ITEMS, seed=1), MF(USERS, ITEMS, seed=2)
    denoiser = DeCA(prior, likelihood_if_positive=own, freeze_auxiliary=True)
    model = DeCAModel(gmf(), denoiser)
    assert denoiser.auxiliary is prior
    assert denoiser.likelihood_if_positive is own
    assert denoiser.likelihood_if_negative.seed not in (1, 2, 5)
    DeCAModel(model.target, denoiser)  # complete already: nothing is made anew
    assert denoiser.auxiliary is prior


@pytest.mark.parametrize("make", [DeCA, Ensemble])
def test_a_model_with_networks_that_were_made_trains_and_is_saved(make, interactions, tmp_path):
    model = DeCAModel(gmf(), make())
    before = [np.array(weight) for weight in model.denoiser.weights]
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    model.fit(training_batches(interactions, batch_size=12), epochs=1, verbose=0, shuffle=False)
    assert before
    assert all(
        (np.array(weight) != old).any()
        for weight, old in zip(model.denoiser.weights, before, strict=True)
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one, expected in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(expected))


def test_a_config_without_networks_gives_a_denoiser_without():
    again = DeCA.from_config(DeCA(c1=3.0).get_config())
    assert (again.c1, again.auxiliary) == (3.0, None)
    assert Ensemble.from_config(Ensemble().get_config()).partner is None


def test_ensemble_s_partner_is_as_the_target_with_other_initial_weights(interactions):
    target = CDAE(USERS, ITEMS, embedding_dim=3, corruption=0.25, seed=4)
    target.adapt(interactions)
    model = DeCAModel(target, Ensemble())
    partner = model.denoiser.partner
    ours, given = partner.get_config(), target.get_config()
    assert {key for key in given if ours[key] != given[key]} == {"seed", "name"}
    expected = CDAE(USERS, ITEMS, embedding_dim=3, corruption=0.25, seed=partner.seed)
    expected.adapt(interactions)
    np.testing.assert_array_equal(np.array(partner(pairs())), np.array(expected(pairs())))


class Product(keras.Model):
    """A model that tells nobody its sizes."""

    def call(self, inputs):
        return keras.ops.cast(inputs["user_id"] * inputs["item_id"], "float32")


@pytest.mark.parametrize(
    ("denoiser", "message"),
    [
        (DeCA, r"`target` must have `num_users` and `num_items` .*`DeCA\(auxiliary=\.\.\., "),
        (Ensemble, r"`target` must be a backbone .*a Product.*`Ensemble\(partner=\.\.\.\)`"),
    ],
)
def test_a_target_that_says_too_little_asks_for_the_networks(denoiser, message):
    with pytest.raises(ValueError, match=message):
        DeCAModel(Product(), denoiser())


def test_a_frozen_auxiliary_cannot_be_made():
    with pytest.raises(ValueError, match="`auxiliary` must be a trained model .*Received: .*=None"):
        DENOISERS.build("deca-p")


def test_a_method_that_makes_no_networks_asks_for_them():
    class Distilled(Denoiser):
        networks = ("teacher",)
        teacher = None

    with pytest.raises(ValueError, match=r"`teacher` must be a model .*Received: teacher=None"):
        DeCAModel(gmf(), Distilled())
