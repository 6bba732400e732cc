"""The equations of the DeCA paper. Tensors in, tensors out: no state, no networks, no averaging.

All probabilities are of shape `(batch,)`; labels are 1 for an observed pair and 0 for a sampled
negative; losses are in nats, per example.
"""

import keras
from keras import ops

LOG_OFFSET = 1e-5  # the released code's log(x) is log(x + 1e-5), so that -log never exceeds 11.51


def safe_log(x):
    """`log(x + 1e-5)`: the released code's logarithm, which bounds every term of the losses."""
    return ops.log(x + LOG_OFFSET)


def binary_cross_entropy(logits, label):
    """Cross-entropy of the observed label, exact for any logit.

    Formula: `-label log f - (1 - label) log(1 - f)`, `f = sigmoid(logits)`.
    """
    return ops.relu(logits) - logits * label + ops.log1p(ops.exp(-ops.abs(logits)))


def kl_divergence(p, q):
    """`D[P || Q]` of two Bernoulli distributions.

    Paper: supplement A.2, the formula below Eq. (17): `p log(p/q) + (1-p) log((1-p)/(1-q))`.
    Differs: logarithms are `safe_log`, as in the released code.

    Args:
        p: probabilities `(batch,)` of the distribution the expectation is over.
        q: probabilities `(batch,)` of the other one.
    """
    return p * (safe_log(p) - safe_log(q)) + (1.0 - p) * (safe_log(1.0 - p) - safe_log(1.0 - q))


def agreement(target_prob, auxiliary_prob, alpha):
    """How far two models disagree: the two KL terms of the denoising objective.

    Paper: Eq. (9): `alpha D[g || f] + (1 - alpha) D[f || g]`.

    Args:
        target_prob: f, `(batch,)`.
        auxiliary_prob: g, or the prior of DeCA(p), `(batch,)`.
        alpha: weight of `D[g || f]`, in `[0, 1]`.
    """
    # alpha is a Python number: at 0 or 1 half of the logarithms need not be computed at all.
    loss = 0.0
    if alpha > 0:
        loss += alpha * kl_divergence(auxiliary_prob, target_prob)
    if alpha < 1:
        loss += (1.0 - alpha) * kl_divergence(target_prob, auxiliary_prob)
    return loss


def denoising_positive_log_likelihood(target_prob, likelihood_if_negative, label, c1):
    """Expected log-likelihood when only positives may be noisy (DP).

    Paper: Eq. (14). Observed: `(1 - f) log h`; not observed: `(1 - f) log(1 - h) - C1 f`.
    Differs: the paper's brackets put both terms of the second case behind one minus; Eq. (17), from
    which it follows by `log(1 - h') = -C1`, and the released code agree on the signs above.

    Args:
        target_prob: f, `(batch,)`.
        likelihood_if_negative: h, P(observed | not liked), `(batch,)`.
        label: 1 observed, 0 sampled, `(batch,)`.
        c1: cost of believing in a pair that nobody observed, `-log(1 - h')`, at least 0.
    """
    observed = (1.0 - target_prob) * safe_log(likelihood_if_negative)
    unobserved = (1.0 - target_prob) * safe_log(1.0 - likelihood_if_negative) - c1 * target_prob
    return label * observed + (1.0 - label) * unobserved


def denoising_negative_log_likelihood(target_prob, likelihood_if_positive, label, c2):
    """Expected log-likelihood when only sampled negatives may be noisy (DN).

    Paper: Eq. (15). Observed: `f log h' - C2 (1 - f)`; not observed: `f log(1 - h')`.

    Args:
        target_prob: f, `(batch,)`.
        likelihood_if_positive: h', P(observed | liked), `(batch,)`.
        label: 1 observed, 0 sampled, `(batch,)`.
        c2: cost of doubting an observed pair, `-log h`, at least 0.
    """
    observed = target_prob * safe_log(likelihood_if_positive) - c2 * (1.0 - target_prob)
    unobserved = target_prob * safe_log(1.0 - likelihood_if_positive)
    return label * observed + (1.0 - label) * unobserved


def released_first_update_log_likelihood(target_prob, likelihood_if_negative, likelihood_if_positive):
    """The expectation that the released code uses in its very first update, for every label.

    Formula: `(1 - f) log(1 - h) + f log(1 - h')`: Eq. (17)'s unobserved case, which the code applies
    to observed pairs too (where Eq. (17) has `log h` and `log h'`).
    """
    return (1.0 - target_prob) * safe_log(1.0 - likelihood_if_negative) + target_prob * safe_log(
        1.0 - likelihood_if_positive
    )


def posterior(target_prob, likelihood_if_negative, likelihood_if_positive):
    """Probability that an observed pair is real preference.

    Paper: Eq. (16): `h' f / (h' f + h (1 - f))`.
    """
    real = likelihood_if_positive * target_prob
    return real / (real + likelihood_if_negative * (1.0 - target_prob) + keras.backend.epsilon())


def linear_cost(target_prob, label, c1, c2, phase):
    """What is left of DP and DN without agreement and noise models: `C1 f` on negatives, `C2 (1 - f)` on positives.

    Paper: Eq. (18), one half at a time: `phase` "dp" keeps the negatives' half, "dn" the positives'.
    """
    if phase == "dp":
        return (1.0 - label) * c1 * target_prob
    return label * c2 * (1.0 - target_prob)
