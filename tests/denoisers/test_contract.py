"""What every denoiser promises, for every row of the registry; and what DeCA's own options do."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from deca_tf.backbones import MF
from deca_tf.data import Interactions
from deca_tf.denoisers import DENOISERS, GCE, RCE, TCE, DeCA, DeCALimit
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.testing.denoisers import CHECKS, Case

USERS, ITEMS, BATCH = 5, 7, 12
LEARNING = {  # networks beside the target that learn, by phase; nothing else in one phase for most
    "deca": {
        "dp": ("auxiliary", "likelihood_if_negative"),
        "dn": ("auxiliary", "likelihood_if_positive"),
    },
    "deca-p": {"dp": ("likelihood_if_negative",), "dn": ("likelihood_if_positive",)},
    "deca-dp": {"dp": ("auxiliary", "likelihood_if_negative")},
    "deca-dn": {"dn": ("auxiliary", "likelihood_if_positive")},
    "ensemble": {"train": ("partner",)},
    "deca-limit": {"dp": (), "dn": ()},
}
LOOK_AT_THE_BATCH = {
    "t-ce": "it ranks the batch",
    "pld": "it draws a pool for each place in the batch",
}
every_denoiser = pytest.mark.parametrize("name", DENOISERS.names)


def mf(seed):
    return MF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.5, seed=seed)


def training_pairs():
    """Twelve of the 35 pairs; user 4 and item 6 have none."""
    keys = np.random.default_rng(1).choice(4 * 6, 12, replace=False)
    return Interactions(keys // 6, keys % 6, np.arange(USERS), np.arange(ITEMS))


def build(name, **options):
    networks = {role: mf(seed) for seed, role in enumerate(DENOISERS.load(name).networks)}
    denoiser = DENOISERS.build(name, options=options, **networks)
    denoiser.adapt(training_pairs())
    denoiser.build()
    return denoiser


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    inputs = {
        "user_id": ops.convert_to_tensor(rng.integers(0, USERS, BATCH).astype(np.int32)),
        "item_id": ops.convert_to_tensor(rng.integers(0, ITEMS, BATCH).astype(np.int32)),
    }
    label = ops.convert_to_tensor(np.tile([1.0, 0.0], BATCH // 2).astype(np.float32))
    return inputs, label, ops.convert_to_tensor(rng.normal(size=BATCH).astype(np.float32))


def losses(denoiser, batch, update=0):
    inputs, label, logits = batch
    return [
        np.array(denoiser.compute_loss(phase, inputs, label, logits, update))
        for phase in denoiser.phases
    ]


@every_denoiser
def test_phases_and_the_networks_that_learn_in_them(name):
    denoiser = build(name)
    learning = LEARNING.get(name, {phase: () for phase in denoiser.phases})
    assert denoiser.phases == tuple(learning)
    for phase in denoiser.phases:
        expected = [getattr(denoiser, role) for role in learning[phase]]
        received = denoiser.trainable_networks(phase)
        assert len(received) == len(expected)
        assert all(any(network is other for other in received) for network in expected)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@every_denoiser
def test_contract(name, check):
    check(Case(name, looks_at_the_batch=name in LOOK_AT_THE_BATCH, same_under_xla=name != "pld"))


def test_popular_negatives_are_wbpr_s():
    assert DENOISERS.load("wbpr").negatives == "popularity"
    assert DENOISERS.load("none").negatives == "uniform"


def test_the_target_recommends_but_for_ensemble():
    target = mf(9)
    assert build("deca").recommender(target) is target
    assert build("ensemble").recommender(target) is not target


def test_settings_of_deca_survive_its_config():
    options = {
        "c1": 3.0,
        "c2": 4.0,
        "alpha": 0.25,
        "kl_weighting": "f||g",
        "freeze_auxiliary": True,
        "first_update": "both",
        "phases": ["dn"],
    }
    again = DeCA.from_config(DeCA(mf(1), mf(2), mf(3), **options).get_config())
    assert {key: again.get_config()[key] for key in options} == options


def test_names_of_the_registry_that_stand_for_settings():
    assert build("deca-p").freeze_auxiliary
    assert not build("deca").freeze_auxiliary
    assert "freeze_auxiliary" not in DENOISERS.options("deca-p")
    assert "phases" not in DENOISERS.options("deca-dp")
    assert {"c1", "c2", "alpha", "kl_weighting", "first_update"} <= set(DENOISERS.options("deca-p"))


def test_kl_weighting_turns_alpha_around(batch):
    for phase in (0, 1):
        one = losses(build("deca", alpha=0.2, kl_weighting="f||g"), batch)[phase]
        other = losses(build("deca", alpha=0.8, kl_weighting="g||f"), batch)[phase]
        np.testing.assert_allclose(one, other, rtol=1e-6)
        assert not np.allclose(one, losses(build("deca", alpha=0.2), batch)[phase], rtol=1e-3)


def test_first_update_of_the_released_code_is_the_first_alone(batch):
    released, paper = build("deca", first_update="both"), build("deca")
    assert (released.phases, paper.phases) == (("dn", "dp"), ("dp", "dn"))
    dp, dn = losses(paper, batch)
    first, second = losses(released, batch)
    assert not np.allclose(first, dn, rtol=1e-3)
    np.testing.assert_allclose(second, dp)
    np.testing.assert_allclose(losses(released, batch, update=2)[0], dn)
    again = DeCA.from_config(released.get_config())
    assert (again.phases, again.first_update) == (("dn", "dp"), "both")


def test_one_phase_alone_has_no_other_first_update(batch):
    for name in ("deca-dp", "deca-dn"):
        np.testing.assert_allclose(
            losses(build(name, first_update="both"), batch)[0],
            losses(build(name), batch)[0],
            err_msg=name,
        )


def test_both_phases_in_one_as_the_released_settings_of_one_cell_have_it(batch):
    denoiser = build("deca", phases=["both"])
    assert denoiser.phases == ("both",)
    h, h_prime = denoiser.likelihood_if_negative, denoiser.likelihood_if_positive
    learning = denoiser.trainable_networks("both")
    assert [id(network) for network in learning] == [id(denoiser.auxiliary), id(h), id(h_prime)]
    frozen = build("deca-p", phases=("both",))
    assert len(frozen.trainable_networks("both")) == 2
    inputs, label, logits = batch
    first = losses(build("deca", first_update="both"), batch)[
        0
    ]  # the same networks, by their seeds
    for update in (0, 7):
        np.testing.assert_allclose(losses(denoiser, batch, update)[0], first, rtol=1e-6)
    np.testing.assert_array_equal(*losses_of_both_labels(denoiser, inputs, logits))
    with tf.GradientTape() as tape:
        loss = denoiser.compute_loss("both", inputs, label, logits, 0)
    assert all(
        g is not None
        for g in tape.gradient(loss, h.trainable_variables + h_prime.trainable_variables)
    )


def losses_of_both_labels(denoiser, inputs, logits):
    return [
        np.array(denoiser.compute_loss("both", inputs, y * ops.ones(BATCH), logits, 0))
        for y in (0.0, 1.0)
    ]


def test_costs_go_where_they_belong(batch):
    """Twice c1 changes DP's negatives alone, twice c2 DN's positives alone."""
    label = np.array(batch[1]) == 1
    base = losses(build("deca", c1=10, c2=10), batch)
    for option, phase, changed in (("c1", 0, ~label), ("c2", 1, label)):
        other = losses(build("deca", **{"c1": 10, "c2": 10, option: 20}), batch)
        np.testing.assert_array_equal(other[phase] != base[phase], changed)
        np.testing.assert_array_equal(other[1 - phase], base[1 - phase])


def test_posterior_of_deca_is_bayes_and_of_deca_p_the_target_itself(batch):
    """Paper, Eq.

    (16), and the sentence below it: in DeCA(p) f is conditioned on the observation already.
    """
    inputs, _, logits = batch
    f = np.array(ops.sigmoid(logits))
    denoiser = build("deca")
    h = np.array(ops.sigmoid(denoiser.likelihood_if_negative(inputs)))
    h_prime = np.array(ops.sigmoid(denoiser.likelihood_if_positive(inputs)))
    expected = h_prime * f / (h_prime * f + h * (1 - f))
    np.testing.assert_allclose(
        np.array(denoiser.posterior(inputs, ops.sigmoid(logits))), expected, rtol=1e-5
    )
    np.testing.assert_allclose(np.array(build("deca-p").posterior(inputs, ops.sigmoid(logits))), f)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"c1": -1}, "`c1` must be a finite number of at least 0. Received: c1=-1"),
        ({"c2": float("inf")}, "`c2` must be a finite number of at least 0. Received: c2=inf"),
        ({"alpha": 1.5}, r"`alpha` must be a finite number in \[0, 1\]. Received: alpha=1.5"),
        (
            {"kl_weighting": "g|f"},
            r"`kl_weighting` must be one of 'g\|\|f', 'f\|\|g'. Received: .*Did you mean 'g\|\|f'",
        ),
        (
            {"first_update": "dn"},
            "`first_update` must be one of 'dp', 'both'. Received: first_update='dn'",
        ),
        (
            {"phases": ["dp", "both"]},
            r"`phases` must be \('dp', 'dn'\), \('dn', 'dp'\), .* or \('both',\). Received: phases=\['dp', 'both'\]",
        ),
    ],
)
def test_wrong_options_of_deca_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build("deca", **options)


def test_wrong_options_of_linear_are_refused():
    with pytest.raises(
        ValueError, match="`c1` must be a finite number of at least 0. Received: c1='high'"
    ):
        DeCALimit(c1="high")


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (
            TCE,
            {"drop_rate": 1.1},
            r"`drop_rate` must be a finite number in \[0, 1\]. Received: drop_rate=1.1",
        ),
        (
            TCE,
            {"steps_to_full": 0},
            "`steps_to_full` must be an integer of at least 1. Received: steps_to_full=0",
        ),
        (RCE, {"beta": -0.1}, "`beta` must be a finite number of at least 0. Received: beta=-0.1"),
        (GCE, {"q": 2}, r"`q` must be a finite number in \[0, 1\]. Received: q=2"),
    ],
)
def test_wrong_options_of_other_methods_are_refused(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls(**options)


def test_a_denoiser_without_a_loss_says_so():
    with pytest.raises(NotImplementedError):
        Denoiser().compute_loss("train", None, None, None, 0)
