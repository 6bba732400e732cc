"""The shipped recipes against the released settings of all 48 combinations.

They are typed here once more.
"""

import pytest

from deca_tf.config import resolve, shipped_recipe

DATASETS = ("ml-100k", "modcloth", "adressa", "electronics")
BACKBONES = ("gmf", "neumf", "cdae", "lightgcn")
DECA = ("deca", "deca-p", "deca-dp", "deca-dn")
BASELINES = ("wbpr", "t-ce", "r-ce", "gce", "ensemble", "udt", "pld", "eard")
METHODS = ("none", *BASELINES, *DECA, "deca-limit")

# data, backbone, method: C1, C2, alpha, lambda, epochs, early stopping.
RELEASED = {
    ("ml-100k", "gmf", "none"): (None, None, None, 0.1, 20, True),
    ("ml-100k", "gmf", "deca"): (1000, 1000, 1, 0.1, 20, False),
    ("ml-100k", "gmf", "deca-p"): (1000, 1000, 1, 0.1, 20, False),
    ("ml-100k", "neumf", "none"): (None, None, None, 0.01, 100, True),
    ("ml-100k", "neumf", "deca"): (1000, 10, 1, 0.01, 100, False),
    ("ml-100k", "neumf", "deca-p"): (100, 10, 1, 0, 100, True),
    ("ml-100k", "cdae", "none"): (None, None, None, 1, 200, False),
    ("ml-100k", "cdae", "deca"): (1000, 100, 0.5, 1, 400, False),
    ("ml-100k", "cdae", "deca-p"): (1000, 10, 1, 1, 500, False),
    ("ml-100k", "lightgcn", "none"): (None, None, None, 0.01, 200, True),
    ("ml-100k", "lightgcn", "deca"): (100, 100, 0, 0.1, 150, True),
    ("ml-100k", "lightgcn", "deca-p"): (1, 1, 1, 0, 150, True),
    ("modcloth", "gmf", "none"): (None, None, None, 0.1, 40, True),
    ("modcloth", "gmf", "deca"): (100, 10, 0, 0.1, 40, False),
    ("modcloth", "gmf", "deca-p"): (100, 10, 1, 0.1, 40, False),
    ("modcloth", "neumf", "none"): (None, None, None, 10, 40, True),
    ("modcloth", "neumf", "deca"): (1000, 10, 0.5, 10, 40, False),
    ("modcloth", "neumf", "deca-p"): (1000, 10, 1, 10, 40, True),
    ("modcloth", "cdae", "none"): (None, None, None, 1, 40, False),
    ("modcloth", "cdae", "deca"): (1000, 100, 0, 1, 40, True),
    ("modcloth", "cdae", "deca-p"): (1000, 100, 1, 1, 40, True),
    ("modcloth", "lightgcn", "none"): (None, None, None, 0.1, 40, False),
    ("modcloth", "lightgcn", "deca"): (1000, 10, 0, 0.1, 60, False),
    ("modcloth", "lightgcn", "deca-p"): (10, 10, 0.5, 0.1, 60, True),
    ("adressa", "gmf", "none"): (None, None, None, 0.01, 10, True),
    ("adressa", "gmf", "deca"): (100, 10, 1, 0, 15, False),
    ("adressa", "gmf", "deca-p"): (1000, 10, 1, 0.01, 10, False),
    ("adressa", "neumf", "none"): (None, None, None, 1, 10, True),
    ("adressa", "neumf", "deca"): (1000, 10, 0, 1, 30, True),
    ("adressa", "neumf", "deca-p"): (100, 10, 1, 1, 30, True),
    ("adressa", "cdae", "none"): (None, None, None, 1, 50, True),
    ("adressa", "cdae", "deca"): (1000, 10, 0, 0, 50, False),
    ("adressa", "cdae", "deca-p"): (100, 10, 1, 0, 50, False),
    ("adressa", "lightgcn", "none"): (None, None, None, 0.01, 15, False),
    ("adressa", "lightgcn", "deca"): (10, 1000, 0, 10, 15, True),
    ("adressa", "lightgcn", "deca-p"): (1000, 10, 0.5, 0.01, 15, True),
    ("electronics", "gmf", "none"): (None, None, None, 0.01, 10, True),
    ("electronics", "gmf", "deca"): (1000, 10, 1, 0.01, 15, False),
    ("electronics", "gmf", "deca-p"): (1000, 10, 1, 0.01, 10, False),
    ("electronics", "neumf", "none"): (None, None, None, 100, 10, False),
    ("electronics", "neumf", "deca"): (100, 10, 0.5, 1000, 15, False),
    ("electronics", "neumf", "deca-p"): (100, 10, 0, 1000, 10, True),
    ("electronics", "cdae", "none"): (None, None, None, 0.1, 15, False),
    ("electronics", "cdae", "deca"): (100, 10, 0, 0.1, 15, True),
    ("electronics", "cdae", "deca-p"): (100, 10, 0, 0.1, 15, True),
    ("electronics", "lightgcn", "none"): (None, None, None, 0.01, 10, False),
    ("electronics", "lightgcn", "deca"): (1000, 10, 1, 0.01, 10, False),
    ("electronics", "lightgcn", "deca-p"): (1000, 10, 1, 0.01, 10, False),
}
# Positives in a batch of 2,048 users, those without any not counted; Electronics' users are
# estimated.
POSITIVES = {
    "ml-100k": 79_619,
    "modcloth": 79_914 * 2048 / 38_406,
    "adressa": 419_491 * 2048 / 187_311,
    "electronics": 1_034_363 * 2048 / 945_450,
}
NO_EARLY_PRIOR = {("electronics", "gmf"), ("electronics", "lightgcn")}
COMBINATIONS = [
    (dataset, backbone, method)
    for dataset in DATASETS
    for backbone in BACKBONES
    for method in METHODS
]


def settings(dataset, backbone, denoiser, protocol="paper"):
    return resolve(
        overrides={
            "data": {"dataset": dataset, "protocol": protocol},
            "backbone": {"name": backbone},
            "denoiser": {"name": denoiser},
        }
    )


def released_row(dataset, backbone, method):
    row = {"deca-dp": "deca", "deca-dn": "deca", "deca-limit": "deca"}.get(
        method, method if method in ("deca", "deca-p") else "none"
    )
    return RELEASED[dataset, backbone, row]


def summed(dataset, backbone, method, lambda0):
    """Lambda as normal CDAE takes it: the released code sums where we average."""
    is_summed = backbone == "cdae" and method not in (*DECA, "deca-limit")
    return pytest.approx(
        lambda0 / POSITIVES[dataset] if is_summed else lambda0, rel=1e-4, abs=1e-12
    )


def ours(dataset, backbone, method, epochs):
    """Our epochs for so many of the released code's.

    CDAE on ml-100k makes an update per phase in each.
    """
    two_phases = method in ("deca", "deca-p", "deca-limit")
    return epochs // 2 if (dataset, backbone) == ("ml-100k", "cdae") and two_phases else epochs


def test_all_48_combinations_are_here():
    assert len(RELEASED) == 48
    assert set(RELEASED) == {
        combination for combination in COMBINATIONS if combination[2] in ("none", "deca", "deca-p")
    }


@pytest.mark.parametrize(("dataset", "backbone", "method"), COMBINATIONS)
def test_protocol_paper_has_the_released_settings(dataset, backbone, method):
    c1, c2, alpha, lambda0, epochs, stops = released_row(dataset, backbone, method)
    config = settings(dataset, backbone, method)
    options, training = config.denoiser.model_extra, config.training
    expected = {}
    if method in (*DECA, "deca-limit"):
        expected |= {"c1": c1, "c2": c2}
    if method in DECA:
        expected |= {"alpha": alpha, "kl_weighting": "g||f", "first_update": "both"}
    if (dataset, backbone, method) == ("adressa", "lightgcn", "deca-p"):
        expected |= {"phases": ["both"]}
    assert options == expected
    assert training.l2 == summed(dataset, backbone, method, lambda0)
    assert training.epochs == ours(dataset, backbone, method, epochs)
    assert training.released_early_stopping is stops
    assert (training.keep, training.patience) == ("last", None)
    # The validation decides nothing here: slow models are looked at now and then.
    assert training.evaluate_every == (
        1
        if backbone == "gmf"
        else 10
        if (dataset, backbone) in (("ml-100k", "cdae"), ("adressa", "neumf"))
        else 5
    )


@pytest.mark.parametrize(("dataset", "backbone", "method"), COMBINATIONS)
def test_protocol_clean_keeps_the_best_epoch_of_the_same_settings(dataset, backbone, method):
    clean, paper = settings(dataset, backbone, method, "clean"), settings(dataset, backbone, method)
    training = clean.training
    assert training.keep == "best"
    assert not training.released_early_stopping
    assert not clean.prior_training().released_early_stopping
    assert clean.denoiser == paper.denoiser
    assert (training.l2, training.penalty) == (paper.training.l2, paper.training.penalty)
    if (dataset, backbone) == ("ml-100k", "gmf"):
        assert (training.epochs, training.patience) == (100, 15)
    else:
        assert training.epochs == paper.training.epochs
    if (
        backbone != "gmf"
    ):  # GMF is quick enough to see all its epochs, and its published results did
        assert training.patience >= 5 * training.evaluate_every


@pytest.mark.parametrize("protocol", ["clean", "paper"])
@pytest.mark.parametrize(
    ("dataset", "backbone"), [(dataset, backbone) for dataset in DATASETS for backbone in BACKBONES]
)
def test_prior_has_the_lambda_and_the_epochs_of_deca_p(dataset, backbone, protocol):
    _, _, _, lambda0, epochs, _ = RELEASED[dataset, backbone, "deca-p"]
    config = settings(dataset, backbone, "deca-p", protocol)
    prior = config.prior_training()
    assert config.prior.seed == "same"
    assert prior.l2 == summed(dataset, backbone, "none", lambda0)
    if (dataset, backbone, protocol) != ("ml-100k", "gmf", "clean"):
        assert prior.epochs == epochs
    if protocol == "paper":
        assert prior.released_early_stopping is ((dataset, backbone) not in NO_EARLY_PRIOR)


@pytest.mark.parametrize("protocol", ["clean", "paper"])
@pytest.mark.parametrize(("dataset", "backbone", "method"), COMBINATIONS)
def test_batches_penalty_and_sizes_are_the_backbones(dataset, backbone, method, protocol):
    config = settings(dataset, backbone, method, protocol)
    training = config.training
    if backbone == "cdae":
        assert (training.users_per_batch, training.batch_size, training.penalty) == (
            2048,
            None,
            "norms",
        )
    else:
        assert (training.users_per_batch, training.batch_size, training.penalty) == (
            None,
            2048,
            "squares",
        )
    assert (training.num_negatives, training.learning_rate, training.exclude_observed) == (
        1,
        1e-3,
        False,
    )
    assert config.denoiser.embedding_dim == (
        32 if backbone == "lightgcn" and method in DECA else None
    )


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("protocol", ["clean", "paper"])
@pytest.mark.parametrize("method", METHODS)
def test_mf_is_trained_as_gmf_is(dataset, protocol, method):
    mf, gmf = (
        settings(dataset, backbone, method, protocol).to_dict() for backbone in ("mf", "gmf")
    )
    assert {**mf, "backbone": None} == {**gmf, "backbone": None}


def test_every_data_set_has_a_recipe_of_its_own():
    assert [shipped_recipe(dataset).stem for dataset in DATASETS] == list(DATASETS)


@pytest.mark.parametrize("name", [*DATASETS, "synthetic", "my-own"])
def test_softmax_is_trained_on_cosines_and_without_penalty(name):
    for backbone in ("mf", "gmf", "lightgcn", "neumf", "cdae"):
        tables = {"backbone": {"name": backbone}, "denoiser": {"name": "softmax"}}
        config = resolve(shipped_recipe(name), tables)
        assert config.training.l2 == 0
        assert config.training.learning_rate >= (1e-3 if backbone == "neumf" else 3e-3)
        has_cosines = backbone in ("mf", "gmf", "lightgcn")
        assert config.backbone.model_extra.get("cosine", False) == has_cosines
