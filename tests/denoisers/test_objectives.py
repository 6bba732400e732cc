"""The equations of the paper against numbers worked out by hand.

Logarithms used below, `log(x + 1e-5)`: 0 -> -11.512925, .2 -> -1.609388, .4 -> -0.916266, .5 ->
-0.693127, .6 -> -0.510809, .8 -> -0.223131, 1 -> 0.000010.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from deca_tf.denoisers import objectives


def column(*values):
    return ops.convert_to_tensor(np.array(values, np.float32))


def check(received, *expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(received), expected, rtol=0, atol=tolerance)


def test_logarithm_is_offset_so_that_its_negative_is_capped():
    # log(1e-5) = -5 log(10) = -5 * 2.302585; log(0.20001) = -1.609388; log(1.00001) = 0.00001
    check(
        objectives.safe_log(column(0.0, 0.2, 1.0)), -11.512925, -1.609388, 0.00001, tolerance=2e-6
    )


def test_binary_cross_entropy():
    # log(1 + e^-2) = log(1.135335) = 0.126928; the other label adds the logit, 2; at logit 0 it is
    # log 2.
    check(
        objectives.binary_cross_entropy(column(2, 2, -2, -2, 0), column(1, 0, 1, 0, 1)),
        *(0.126928, 2.126928, 2.126928, 0.126928, 0.693147),
    )


def test_binary_cross_entropy_is_exact_for_logits_that_saturate():
    received = objectives.binary_cross_entropy(column(200, 200, -200, -200), column(1, 0, 1, 0))
    check(received, 0.0, 200.0, 200.0, 0.0)


def test_kl_divergence_in_both_directions():
    # p=.8, q=.5: .8 (-.223131 + .693127) + .2 (-1.609388 + .693127) = .375997 - .183252 = .192745
    # p=.5, q=.8: .5 (-.693127 + .223131) + .5 (-.693127 + 1.609388) = -.234998 + .458131 = .223132
    check(objectives.kl_divergence(column(0.8, 0.5), column(0.5, 0.8)), 0.192745, 0.223132)


def test_kl_divergence_of_equals_is_zero_and_of_opposites_is_capped():
    # p=0, q=1: 1 * (log(1 + 1e-5) - log(1e-5)) = .00001 + 11.512925
    received = objectives.kl_divergence(column(0.3, 0, 1, 0, 1), column(0.3, 0, 1, 1, 0))
    check(received, 0.0, 0.0, 0.0, 11.512935, 11.512935)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (1.0, 0.192745),  # KL(g || f) alone: g=.8, f=.5
        (0.0, 0.223132),  # KL(f || g) alone
        (0.5, 0.207939),  # (.192745 + .223132) / 2
        (0.25, 0.215536),  # .25 * .192745 + .75 * .223132 = .048186 + .167349
    ],
)
def test_agreement_weighs_kl_from_the_auxiliary_model_by_alpha(alpha, expected):
    check(objectives.agreement(column(0.5), column(0.8), alpha), expected)


def test_denoising_positive():
    # f=.3, h=.2, C1=10.
    # label 1: (1-f) log h           = .7 * -1.609388            = -1.126572
    # label 0: (1-f) log(1-h) - C1 f = .7 *  -.223131 - 10 * .3  = -.156192 - 3 = -3.156192
    received = objectives.denoising_positive_log_likelihood(
        column(0.3, 0.3), column(0.2, 0.2), column(1, 0), 10.0
    )
    check(received, -1.126572, -3.156192)


def test_minus_of_the_positive_objective_belongs_to_the_cost_alone():
    # C1=0, f=0, h=.8: log(1-h) = log .20001 = -1.609388, negative as a log-likelihood is, not
    # +1.609388.
    check(
        objectives.denoising_positive_log_likelihood(column(0), column(0.8), column(0), 0.0),
        -1.609388,
    )


def test_denoising_negative():
    # f=.3, h'=.6, C2=10.
    # label 1: f log h' - C2 (1-f) = .3 * -.510809 - 10 * .7 = -.153243 - 7 = -7.153243
    # label 0: f log(1-h')         = .3 * -.916266           = -.274880
    received = objectives.denoising_negative_log_likelihood(
        column(0.3, 0.3), column(0.6, 0.6), column(1, 0), 10.0
    )
    check(received, -7.153243, -0.274880)


def test_likelihoods_are_capped_where_a_noise_model_is_certain_and_wrong():
    # f=0 in DP, f=1 in DN, so that the whole weight is on the noise model: log(1e-5) = -11.512925
    zero, one = column(0, 0), column(1, 1)
    check(
        objectives.denoising_positive_log_likelihood(zero, column(0, 1), column(1, 0), 5.0),
        *(-11.512925, -11.512925),
    )
    check(
        objectives.denoising_negative_log_likelihood(one, column(0, 1), column(1, 0), 5.0),
        *(-11.512925, -11.512925),
    )


def test_first_update_of_the_released_code():
    # f=.3, h=.2, h'=.6: (1-f) log(1-h) + f log(1-h') = .7 * -.223131 + .3 * -.916266 = -.156192 -
    # .274880 = -.431071
    check(
        objectives.released_first_update_log_likelihood(column(0.3), column(0.2), column(0.6)),
        -0.431071,
    )


def test_posterior():
    # f=.3, h=.2, h'=.6: h' f / (h' f + h (1-f)) = .18 / (.18 + .14) = .5625 f=.5, h=h': the
    # observation says nothing, so it is f. f=.5, h=0: only a real preference can be observed.
    received = objectives.posterior(
        column(0.3, 0.5, 0.5), column(0.2, 0.4, 0.0), column(0.6, 0.4, 0.5)
    )
    check(received, 0.5625, 0.5, 1.0)


def test_posterior_is_finite_where_both_noise_models_say_never():
    assert np.isfinite(np.asarray(objectives.posterior(column(0.5), column(0), column(0)))).all()


def test_linear_cost_has_one_label_in_each_phase():
    # f=.3, C1=100, C2=10: C1 f = 30 on negatives in DP, C2 (1-f) = 7 on positives in DN, else
    # nothing.
    prob, label = column(0.3, 0.3), column(1, 0)
    check(objectives.linear_cost(prob, label, 100.0, 10.0, "dp"), 0.0, 30.0)
    check(objectives.linear_cost(prob, label, 100.0, 10.0, "dn"), 7.0, 0.0)


def test_truncation_leaves_out_the_positives_with_the_largest_losses():
    # label * loss = 0, .2, 0, 3, 0, 1, 0, .5: of eight, floor(.75 * 8) = 6 are kept, so 3 and 1 are
    # left out, the negative with loss 9 is not; what is kept counts 8 / 6.
    loss, label = column(9, 0.2, 1, 3, 0.1, 1, 0.3, 0.5), column(0, 1, 0, 1, 0, 1, 0, 1)
    kept = 8 / 6
    check(objectives.truncation_weight(loss, label, 0.25), kept, kept, kept, 0, kept, 0, kept, kept)
    # floor(.8 * 8) = 6 as well; floor(.9 * 8) = 7: only 3 is left out.
    check(objectives.truncation_weight(loss, label, 0.2), kept, kept, kept, 0, kept, 0, kept, kept)
    check(
        objectives.truncation_weight(loss, label, 0.1),
        *(8 / 7 * np.array([1, 1, 1, 0, 1, 1, 1, 1])),
    )


def test_truncation_keeps_all_or_nothing_at_the_ends():
    loss, label = column(1, 2, 3), column(1, 0, 1)
    check(objectives.truncation_weight(loss, label, 0.0), 1, 1, 1)
    check(objectives.truncation_weight(loss, label, 1.0), 0, 0, 0)


def test_truncation_keeps_the_first_of_equal_ones():
    # All equal: floor(.5 * 4) = 2 are kept, the first two. Two ties at the edge: of 2, 2 the first
    # stays.
    check(objectives.truncation_weight(column(1, 1, 1, 1), column(1, 1, 1, 1), 0.5), 2, 2, 0, 0)
    check(objectives.truncation_weight(column(2, 3, 2, 1), column(1, 1, 1, 1), 0.5), 2, 0, 0, 2)


def test_truncation_agrees_with_sorting():
    rng = np.random.default_rng(0)
    for rate in (0.05, 0.2, 0.37):
        loss = rng.integers(0, 6, 200).astype(np.float32)  # with many ties
        label = rng.integers(0, 2, 200).astype(np.float32)
        order = np.argsort(loss * label, kind="stable")
        number = int((1 - rate) * 200)
        expected = np.zeros(200)
        expected[order[:number]] = 200 / number
        check(objectives.truncation_weight(column(*loss), column(*label), rate), *expected)


def test_reweighted_cross_entropy():
    # f = sigmoid(log 3) = .75. Positive: .75^.5 * -log .75 = .866025 * .287682 = .249140.
    # Negative: .25^.5 * -log .25 = .5 * 1.386294 = .693147. beta = 0: cross-entropy.
    logits, label = column(np.log(3), np.log(3)), column(1, 0)
    check(objectives.reweighted_cross_entropy(logits, label, 0.5), 0.249140, 0.693147)
    check(objectives.reweighted_cross_entropy(logits, label, 0.0), 0.287682, 1.386294)


def test_weight_of_reweighted_cross_entropy_is_not_differentiated():
    # d/dlogit of the positive's loss is f - 1 = -.25, times the weight .75^.5 = .866025.
    logits = column(np.log(3))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = objectives.reweighted_cross_entropy(logits, column(1), 0.5)
    check(tape.gradient(loss, logits), -0.25 * 0.866025)


def test_generalized_cross_entropy():
    # p = .75 and .25, q = .5: (1 - .866025) / .5 = .267949, (1 - .5) / .5 = 1. q = 1: 1 - p. q = 0:
    # -log p.
    logits, label = column(np.log(3), np.log(3)), column(1, 0)
    check(objectives.generalized_cross_entropy(logits, label, 0.5), 0.267949, 1.0)
    check(objectives.generalized_cross_entropy(logits, label, 1.0), 0.25, 0.75)
    check(objectives.generalized_cross_entropy(logits, label, 0.0), 0.287682, 1.386294)
    check(
        objectives.generalized_cross_entropy(logits, label, 1e-4),
        0.287682,
        1.386294,
        tolerance=2e-4,
    )


def test_generalized_cross_entropy_is_bounded_and_exact_where_the_model_is_certain():
    # The worst case is 1 / q = 1.428571; a probability of 1 costs nothing.
    check(objectives.generalized_cross_entropy(column(-900, 900), column(1, 1), 0.7), 1.428571, 0.0)


def test_logit_of_mean_probability():
    # (.75 + .5) / 2 = .625, log(.625 / .375) = .510826; equal logits stay; opposite ones cancel.
    first, second = column(np.log(3), 2, -5, 7), column(0, 2, -5, -7)
    check(objectives.logit_of_mean_probability(first, second), 0.510826, 2.0, -5.0, 0.0)


def test_logit_of_mean_probability_is_finite_and_right_for_logits_that_saturate():
    # One certain, one in doubt: (1 + .5) / 2 = .75, log 3. Certain both: the smaller one decides,
    # less log 2: 1 - p = (e^-1000 + e^-900) / 2. Opposite: 1/2.
    first, second = column(1000, -1000, 1000, -1000, 1000), column(0, 0, 900, -900, -1000)
    expected = 1.098612, -1.098612, 900 + np.log(2), -900 - np.log(2), 0.0
    check(objectives.logit_of_mean_probability(first, second), *expected, tolerance=1e-4)


def test_logit_of_mean_probability_agrees_with_the_mean_in_double_precision():
    a, b = np.random.default_rng(0).normal(0, 4, (2, 100)).astype(np.float32)
    mean = ((1 / (1 + np.exp(-np.float64(a)))) + 1 / (1 + np.exp(-np.float64(b)))) / 2
    check(objectives.logit_of_mean_probability(column(*a), column(*b)), *np.log(mean / (1 - mean)))


def test_pool_weight():
    # Losses 1, 1 and 1 + log 2 at temperature 1: shares .4, .4, .2 of three, so weights 1.2, 1.2
    # and .6.
    low, high = 1.0, 1.0 + np.log(2)
    others = ops.convert_to_tensor(np.array([[low, high], [low, low]], np.float32))
    check(objectives.pool_weight(column(low, high), others, 1.0), 1.2, 0.6)
    # At half the temperature: 1, 1 and 1/4 of 2.25.
    check(objectives.pool_weight(column(low, high), others, 0.5), 3 / 2.25, 0.75 / 2.25)


def test_pool_weight_has_the_expectation_of_drawing_from_the_pool():
    """Over all pools of three of a user with four positives."""
    losses = np.array([0.1, 0.4, 1.0, 2.0])
    pools = np.array(list(itertools.product(range(4), repeat=3)))
    share = np.exp(-losses[pools] / 0.5)
    share /= share.sum(axis=1, keepdims=True)
    drawn = np.array([share[pools == positive].sum() for positive in range(4)]) / len(pools)
    weights = objectives.pool_weight(
        column(*losses[pools[:, 0]]), column(*losses[pools[:, 1:]]), 0.5
    )
    weighed = np.bincount(pools[:, 0], weights=np.array(weights)) / len(pools)
    np.testing.assert_allclose(weighed, drawn, rtol=1e-5)


def test_linear_by_rank():
    # Ranks of 5, 1, 3 are 2, 0, 1; from .5 to 0 in steps of .25. Equal values in their order.
    check(objectives.linear_by_rank(np.array([5.0, 1.0, 3.0]), 0.5, 0.0), 0.0, 0.5, 0.25)
    check(objectives.linear_by_rank(np.array([1.0, 1.0]), 0.2, 0.6), 0.2, 0.6)
    check(objectives.linear_by_rank(np.array([4.0]), 0.2, 0.6), 0.2)
    assert objectives.linear_by_rank(np.array([]), 0.2, 0.6).shape == (0,)


def test_empirical_cdf():
    # Of four values: 1 is the lowest (1 - .5) / 4, both 2s have three not larger, 7 has four.
    check(objectives.empirical_cdf(np.array([2.0, 7.0, 1.0, 2.0])), 0.625, 0.875, 0.125, 0.625)


def test_softmax_within():
    # Group 0: e^0 : e^log 3 = 1 : 3 of two, so .5 and 1.5; group 2 alone: 1; there is no group 1.
    received = objectives.softmax_within(np.array([0.0, 800.0, np.log(3)]), np.array([0, 2, 0]))
    check(received, 0.5, 1.0, 1.5)
