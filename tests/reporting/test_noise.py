"""The AUC against every pair, and the report against scores given by hand."""

import keras
import numpy as np
import pandas as pd
import pytest

from deca_tf.backbones import MF
from deca_tf.data import Interactions
from deca_tf.denoisers import DeCA, Softmax
from deca_tf.reporting import interaction_report, separation_auc
from deca_tf.training.deca_model import DeCAModel


def over_pairs(scores, is_noisy):
    """Share of (clean, noisy) pairs in the right order."""
    won = [
        1.0 if clean > noisy else 0.5 if clean == noisy else 0.0
        for clean, clean_is_noisy in zip(scores, is_noisy, strict=True)
        for noisy, noisy_is_noisy in zip(scores, is_noisy, strict=True)
        if not clean_is_noisy and noisy_is_noisy
    ]
    return sum(won) / len(won)


@pytest.mark.parametrize("values", [2, 5, 10**6])  # mostly ties, some, none
def test_auc_equals_brute_force(values):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scores = rng.integers(0, values, 40) / 7
        is_noisy = rng.random(40) < rng.choice([0.1, 0.5, 0.9])
        is_noisy[:2] = True, False
        assert separation_auc(scores, is_noisy) == pytest.approx(
            over_pairs(scores, is_noisy), abs=1e-12
        )


def test_auc_has_the_right_direction():
    assert separation_auc([0.9, 0.8, 0.1], [False, False, True]) == 1.0
    assert separation_auc([0.1, 0.2, 0.9], [0, 0, 1]) == 0.0
    assert separation_auc([-np.inf, np.inf], [True, False]) == 1.0


def test_auc_errors():
    with pytest.raises(ValueError, match="0 clean and 2 noisy"):
        separation_auc([1, 2], [True, True])
    with pytest.raises(ValueError, match="2 clean and 0 noisy"):
        separation_auc([1, 2], [False, False])
    with pytest.raises(ValueError, match="1 NaN among 2"):
        separation_auc([1, np.nan], [True, False])
    with pytest.raises(ValueError, match="one shape"):
        separation_auc([1, 2], [True])


@pytest.fixture
def clicks():
    rng = np.random.default_rng(0)
    return Interactions(
        rng.integers(0, 6, 50).astype(np.int32),
        rng.integers(0, 9, 50).astype(np.int32),
        np.array([f"user {u}" for u in range(6)]),
        np.array([f"item {i}" for i in range(9)]),
        rating=rng.integers(1, 6, 50).astype(np.float32),
        is_noisy=rng.random(50) < 0.5,
    )


def network(seed):
    model = MF(6, 9, embedding_dim=3)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(2 * rng.normal(size=weight.shape))
    return model


def sigmoid_of(model, user, item):
    return 1 / (1 + np.exp(-np.dot(model.user_table[user], model.item_table[item])))


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_report(clicks, batch_size):
    f, g, h, h_prime = (network(seed) for seed in range(4))
    report = interaction_report(DeCAModel(f, DeCA(g, h, h_prime)), clicks, batch_size=batch_size)
    assert list(report) == ["user_id", "item_id", "probability", "posterior", "rating", "is_noisy"]
    assert report.probability.is_monotonic_increasing and len(report) == 50
    truth = {}
    for row in range(50):
        user, item = clicks.user_id[row], clicks.item_id[row]
        prior = sigmoid_of(f, user, item)
        liked, disliked = (
            prior * sigmoid_of(h_prime, user, item),
            (1 - prior) * sigmoid_of(h, user, item),
        )
        key = (f"user {user}", f"item {item}")
        truth.setdefault(key, []).append(
            (prior, liked / (liked + disliked), clicks.rating[row], clicks.is_noisy[row])
        )
    found = {}
    for user, item, *rest in report.itertuples(index=False):
        found.setdefault((user, item), []).append(tuple(rest))
    assert found.keys() == truth.keys()
    for key in truth:  # pairs that occur more than once keep their order
        np.testing.assert_allclose(
            np.array(found[key], float), np.array(truth[key], float), rtol=1e-3
        )


def test_report_of_scores_that_are_no_probabilities_has_the_scores(clicks):
    report = interaction_report(DeCAModel(network(0), Softmax()), clicks)
    assert list(report) == ["user_id", "item_id", "score", "rating", "is_noisy"]
    expected = np.sort(np.array(network(0)({"user_id": clicks.user_id, "item_id": clicks.item_id})))
    np.testing.assert_allclose(report["score"], expected, rtol=1e-5)


def test_report_of_a_plain_keras_model_has_no_posterior(clicks):
    f = network(0)
    bare = Interactions(clicks.user_id, clicks.item_id, clicks.raw_user_ids, clicks.raw_item_ids)
    report = interaction_report(f, bare)
    assert list(report) == ["user_id", "item_id", "probability"]
    denoiser = DeCA(network(1), network(2), network(3))
    own = interaction_report(DeCAModel(f, denoiser), bare)
    pd.testing.assert_frame_equal(interaction_report(f, bare, denoiser), own)
    pd.testing.assert_frame_equal(interaction_report(DeCAModel(f), bare, denoiser), own)


def test_sorting_does_not_saturate(clicks):
    class Extreme(keras.Model):
        def call(self, inputs):
            return 1000.0 + 10.0 * keras.ops.cast(inputs["item_id"], "float32")

    report = interaction_report(Extreme(), clicks)
    assert (report.probability == 1).all() and report.item_id.is_monotonic_increasing


def test_report_errors(clicks):
    with pytest.raises(ValueError, match="at least one pair"):
        interaction_report(network(0), clicks.take(slice(0, 0)))
    with pytest.raises(ValueError, match="`batch_size`"):
        interaction_report(network(0), clicks, batch_size=0)
    broken = network(0)
    broken.user_table.assign(np.full((6, 3), np.nan))
    with pytest.raises(ValueError, match="50 NaN among 50"):
        interaction_report(broken, clicks)
