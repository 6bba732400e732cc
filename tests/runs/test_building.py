"""Networks of a model, from settings."""

import numpy as np

from deca_tf.config import merge, resolve
from deca_tf.optimizers import Adam, LazyAdam
from deca_tf.runs.building import build_model
from deca_tf.runs.data import read_split

SMALL = {
    "data": {
        "dataset": "synthetic",
        "options": {"num_users": 120, "num_items": 60, "num_clicks": 1800},
    },
    "backbone": {"embedding_dim": 8},
}


def settings(more):
    return resolve(overrides=merge(SMALL, more))


def test_an_ensembles_partner_is_a_second_target():
    config = settings({"denoiser": {"name": "ensemble"}, "training": {"epochs": 1}})
    model = build_model(config, read_split(config))
    one, other = model.target, model.denoiser.partner
    assert type(one) is type(other)
    assert one.embedding_dim == other.embedding_dim == 8
    assert (np.array(one.user_table) != np.array(other.user_table)).all()


def test_networks_of_deca_take_their_own_size():
    config = settings({"denoiser": {"name": "deca", "embedding_dim": 3, "noise_model": "gmf"}})
    model = build_model(config, read_split(config))
    assert model.target.embedding_dim == 8
    sizes = [getattr(model.denoiser, role).embedding_dim for role in model.denoiser.networks]
    assert sizes == [3, 3, 3]
    assert type(model.denoiser.likelihood_if_positive).__name__ == "GMF"


def test_the_optimizer_is_the_chosen_one():
    lazy, dense = (
        build_model(config, read_split(config))
        for config in (
            settings({"training": {"optimizer": name, "learning_rate": 0.5}})
            for name in ("lazy-adam", "adam")
        )
    )
    assert (type(lazy.optimizer), type(dense.optimizer)) == (LazyAdam, Adam)
    assert float(lazy.optimizer.learning_rate) == 0.5
