"""The equations of the paper against numbers worked out by hand.

Logarithms used below, `log(x + 1e-5)`: 0 -> -11.512925, .2 -> -1.609388, .4 -> -0.916266, .5 -> -0.693127,
.6 -> -0.510809, .8 -> -0.223131, 1 -> 0.000010.
"""

import numpy as np
import pytest
from keras import ops

from deca_tf.denoisers import objectives


def column(*values):
    return ops.convert_to_tensor(np.array(values, np.float32))


def check(received, *expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(received), expected, rtol=0, atol=tolerance)


def test_logarithm_is_offset_so_that_its_negative_is_capped():
    # log(1e-5) = -5 log(10) = -5 * 2.302585; log(0.20001) = -1.609388; log(1.00001) = 0.00001
    check(objectives.safe_log(column(0.0, 0.2, 1.0)), -11.512925, -1.609388, 0.00001, tolerance=2e-6)


def test_binary_cross_entropy():
    # log(1 + e^-2) = log(1.135335) = 0.126928; the other label adds the logit, 2; at logit 0 it is log 2.
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
    received = objectives.denoising_positive_log_likelihood(column(0.3, 0.3), column(0.2, 0.2), column(1, 0), 10.0)
    check(received, -1.126572, -3.156192)


def test_minus_of_the_positive_objective_belongs_to_the_cost_alone():
    # C1=0, f=0, h=.8: log(1-h) = log .20001 = -1.609388, negative as a log-likelihood is, not +1.609388.
    check(objectives.denoising_positive_log_likelihood(column(0), column(0.8), column(0), 0.0), -1.609388)


def test_denoising_negative():
    # f=.3, h'=.6, C2=10.
    # label 1: f log h' - C2 (1-f) = .3 * -.510809 - 10 * .7 = -.153243 - 7 = -7.153243
    # label 0: f log(1-h')         = .3 * -.916266           = -.274880
    received = objectives.denoising_negative_log_likelihood(column(0.3, 0.3), column(0.6, 0.6), column(1, 0), 10.0)
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
    # f=.3, h=.2, h'=.6: (1-f) log(1-h) + f log(1-h') = .7 * -.223131 + .3 * -.916266 = -.156192 - .274880 = -.431071
    check(objectives.released_first_update_log_likelihood(column(0.3), column(0.2), column(0.6)), -0.431071)


def test_posterior():
    # f=.3, h=.2, h'=.6: h' f / (h' f + h (1-f)) = .18 / (.18 + .14) = .5625
    # f=.5, h=h': the observation says nothing, so it is f. f=.5, h=0: only a real preference can be observed.
    received = objectives.posterior(column(0.3, 0.5, 0.5), column(0.2, 0.4, 0.0), column(0.6, 0.4, 0.5))
    check(received, 0.5625, 0.5, 1.0)


def test_posterior_is_finite_where_both_noise_models_say_never():
    assert np.isfinite(np.asarray(objectives.posterior(column(0.5), column(0), column(0)))).all()


def test_linear_cost_has_one_label_in_each_phase():
    # f=.3, C1=100, C2=10: C1 f = 30 on negatives in DP, C2 (1-f) = 7 on positives in DN, else nothing.
    prob, label = column(0.3, 0.3), column(1, 0)
    check(objectives.linear_cost(prob, label, 100.0, 10.0, "dp"), 0.0, 30.0)
    check(objectives.linear_cost(prob, label, 100.0, 10.0, "dn"), 7.0, 0.0)
