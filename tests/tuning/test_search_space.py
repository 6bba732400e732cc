"""What is searched: every part's space gives settings that the part takes."""

import keras_tuner
import pytest

from deca_tf.backbones import BACKBONES
from deca_tf.config import resolve
from deca_tf.denoisers import DENOISERS
from deca_tf.denoisers.costs import costs, ratio_and_scale
from deca_tf.runs.preflight import check_settings
from deca_tf.tuning.search_space import choose
from deca_tf.tuning.tuners import points
from tests.tuning.conftest import small


def space_of(config, *arguments):
    hp = keras_tuner.HyperParameters()
    choose(hp, config, *arguments)
    return hp


@pytest.mark.parametrize("space", ["default", "paper"])
@pytest.mark.parametrize("name", DENOISERS.names)
def test_every_denoiser_takes_what_its_space_gives(name, space):
    backbone = {"name": "elsa"} if DENOISERS.load(name).layout == "users" else {}
    config = small({"denoiser": {"name": name}, "backbone": backbone})
    declared = space_of(config, space)
    for corner in (0.0, 0.999999):
        hp = declared.copy()
        hp.values = {each.name: each.prob_to_value(corner) for each in declared.space}
        chosen = choose(hp, config, space)
        check_settings(chosen)
        if DENOISERS.load(name).searches_l2:
            assert chosen.training.l2 == pytest.approx(1000 if corner else 0.01, rel=1e-3)
        else:
            assert chosen.training.l2 == config.training.l2


@pytest.mark.parametrize("name", BACKBONES.names)
def test_every_backbone_takes_what_its_space_gives(name):
    hp = space_of(small({"backbone": {"name": name}}))
    has_vectors = "embedding_dim" in BACKBONES.options(name)
    assert ("backbone.embedding_dim" in hp.values) == has_vectors
    hp.values = {each.name: each.prob_to_value(0.999999) for each in hp.space}
    check_settings(choose(hp, small({"backbone": {"name": name}})))


@pytest.mark.parametrize(("name", "rate"), [("mf", 0.01), ("elsa", 0.05)])
def test_learning_rates_are_searched_around_that_of_the_settings(name, rate):
    (searched,) = (
        each
        for each in space_of(small({"backbone": {"name": name}})).space
        if each.name == "training.learning_rate"
    )
    ends = (searched.min_value, searched.default, searched.max_value)
    assert ends == pytest.approx((rate / 10, rate, rate * 10))


def test_softmax_has_a_temperature_and_no_l2():
    hp = space_of(small({"denoiser": {"name": "softmax"}}))
    found = {each.name: each for each in hp.space}
    assert found["denoiser.temperature"].sampling == "log"
    assert "training.l2" not in found


def test_costs_by_hand():
    assert costs(ratio=100.0, scale=10.0) == {"c1": 100.0, "c2": 1.0}
    assert costs(ratio=0.25, scale=100.0) == {"c1": 50.0, "c2": 200.0}
    assert ratio_and_scale(1000.0, 10.0) == (100.0, 100.0)


def test_the_papers_grid():
    hp = space_of(small({"denoiser": {"name": "deca"}}), "paper")
    grid = list(points(hp))
    assert len(grid) == 4 * 4 * 3 * 6
    assert {(row["denoiser.c1"], row["denoiser.c2"]) for row in grid} == {
        (c1, c2) for c1 in (1, 10, 100, 1000) for c2 in (1, 10, 100, 1000)
    }
    assert {row["denoiser.alpha"] for row in grid} == {0, 0.5, 1}
    assert len(list(points(space_of(small({"denoiser": {"name": "none"}}), "paper")))) == 6


def test_what_is_held_is_not_searched():
    config = small({"denoiser": {"name": "deca"}})
    held = {"denoiser": {"c1": 30, "c2": 3}, "training": {"learning_rate": 0.5}}
    hp = space_of(config, "default", held)
    assert not {"denoiser.c_ratio", "denoiser.c_scale", "training.learning_rate"} & set(hp.values)
    assert "denoiser.alpha" in hp.values
    chosen = choose(hp, config, "default", held)
    assert (chosen.denoiser.c1, chosen.denoiser.c2, chosen.training.learning_rate) == (30, 3, 0.5)
    with pytest.raises(ValueError, match=r"c1.*c2.*both or neither.*c1=30, c2=None"):
        choose(hp, config, "default", {"denoiser": {"c1": 30}})


def test_epochs_are_searched_where_the_last_ones_weights_are_kept():
    assert "training.epochs" not in space_of(small({"training": {"epochs": 80}})).values
    hp = space_of(small({"training": {"epochs": 80, "keep": "last"}}))
    epochs = next(each for each in hp.space if each.name == "training.epochs")
    assert (epochs.min_value, epochs.max_value) == (10, 80)


def test_on_a_timeline_clicks_may_age_and_a_trend_is_chosen_in_each_trial():
    timeline = {"data": {"protocol": "timeline"}}
    config = small(timeline)
    hp = space_of(config)
    assert hp.values["time.click_half_life"] == 0
    chosen = choose(hp, config)
    assert (chosen.time.click_half_life, chosen.time.trend_weight) == (None, "auto")
    hp.values["time.click_half_life"] = 30.0
    assert choose(hp, config).time.click_half_life == 30.0
    held = {"time": {"click_half_life": 7.0, "trend_weight": 0.5}}
    chosen = choose(keras_tuner.HyperParameters(), config, "default", held)
    assert (chosen.time.click_half_life, chosen.time.trend_weight) == (7.0, 0.5)
    own = small(timeline, {"time": {"trend_half_life": 3.0}})
    assert choose(space_of(own), own).time.trend_weight is None
    assert not any(each.name.startswith("time.") for each in space_of(config, "paper").space)
    assert not any(each.name.startswith("time.") for each in space_of(small()).space)
    at_once = resolve(overrides={**timeline, "backbone": {"name": "ease"}})
    assert not any(each.name.startswith("time.") for each in space_of(at_once).space)
    assert choose(space_of(at_once), at_once).time.trend_weight == "auto"
