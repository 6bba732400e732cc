"""The equations of the DeCA paper, then those of other methods.

They have no state and no networks, and average nothing. Tensors in, tensors out; the last ones work
on a whole epoch, outside the graph: NumPy in, NumPy out.

All probabilities are of shape `(batch,)`; labels are 1 for an observed pair and 0 for a sampled
negative; losses are in nats, per example.
"""

import keras
import numpy as np
import tensorflow as tf
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


def released_first_update_log_likelihood(
    target_prob, likelihood_if_negative, likelihood_if_positive
):
    """The expectation that the released code uses in its very first update, for every label.

    Formula: `(1 - f) log(1 - h) + f log(1 - h')`: Eq. (17)'s unobserved case, which the code
    applies to observed pairs too (where Eq. (17) has `log h` and `log h'`).
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
    """`C1 f` on negatives, `C2 (1 - f)` on positives: DP and DN without agreement and noise models.

    Paper: Eq. (18), one half at a time: `phase` "dp" keeps the negatives' half, "dn" the
    positives'.
    """
    if phase == "dp":
        return (1.0 - label) * c1 * target_prob
    return label * c2 * (1.0 - target_prob)


# Other methods' equations.


def truncation_weight(loss, label, drop_rate):
    """Which examples of a batch T-CE keeps, and how much they then count; not differentiated.

    Source: Wang et al., WSDM 2021, T-CE: of the whole batch, the `floor((1 - drop_rate) batch)`
    examples with the smallest `loss * label` are kept, so that what is left out are the positives
    with the largest losses. Of equal ones those that come first in the batch are kept.

    Args:
        loss: cross-entropies, `(batch,)`.
        label: 1 observed, 0 sampled, `(batch,)`.
        drop_rate: e(t), share to leave out, a number or scalar tensor in `[0, 1]`.

    Returns:
        0 where left out, else batch / number kept, `(batch,)`: the mean of `weight * loss` over the
        batch is the mean of `loss` over what is kept.
    """
    loss = ops.stop_gradient(loss) * label
    size = ops.cast(ops.shape(loss)[0], "float32")
    num_kept = ops.floor((1.0 - drop_rate) * size)
    largest_kept = ops.take(ops.sort(loss), ops.maximum(ops.cast(num_kept, "int32") - 1, 0))
    is_below = ops.cast(loss < largest_kept, "float32")
    is_equal = ops.cast(ops.equal(loss, largest_kept), "float32")
    has_room = ops.cast(ops.sum(is_below) + ops.cumsum(is_equal) <= num_kept, "float32")
    return (is_below + is_equal * has_room) * size / ops.maximum(num_kept, 1.0)


def reweighted_cross_entropy(logits, label, beta):
    """Cross-entropy, less of it where the model finds the label unlikely.

    The weight is not differentiated.

    Source: Wang et al., WSDM 2021, R-CE: weights `f^beta` on positives and `(1 - f)^beta` on
    negatives. Both are the probability of the label to the power of beta, which is `exp(-beta *
    cross-entropy)`.
    """
    loss = binary_cross_entropy(logits, label)
    return ops.stop_gradient(ops.exp(-beta * loss)) * loss


def generalized_cross_entropy(logits, label, q):
    """`(1 - p^q) / q`, p being the probability of the label; at q = 0 its limit, cross-entropy.

    Source: Zhang & Sabuncu, NeurIPS 2018, L_q loss. As above, `p^q = exp(-q * cross-entropy)`.
    """
    loss = binary_cross_entropy(logits, label)
    return loss if q == 0 else -ops.expm1(-q * loss) / q


@tf.custom_gradient
def softmax_cross_entropy(click_logits, candidate_logits, candidate_weight):
    """Cross-entropy of a click among all items, in nats, and the click's share.

    Formula: `-log p`, `p = exp(s) / (exp(s) + sum over candidates j of w_j exp(s_j))`.

    Source: the sampled softmax of Jean et al., ACL 2015, whose log-q correction is the logarithm of
    the weights here.

    Args:
        click_logits: s, `(batch,)`.
        candidate_logits: s_j, `(batch, m)`.
        candidate_weight: w_j, for how many items a candidate stands, at least 0, `(batch, m)`.

    Returns:
        `(loss, share)`, both `(batch,)`; the share p is not differentiated.
    """
    largest = tf.maximum(click_logits, tf.reduce_max(candidate_logits, axis=1))
    own = tf.exp(click_logits - largest)
    others = candidate_weight * tf.exp(candidate_logits - largest[:, None])
    total = own + tf.reduce_sum(others, axis=1)
    share = own / total

    def gradient(upstream, _):
        scale = upstream / total
        # Less of a click is 1 - p, worked out without a difference of near numbers
        return (
            -scale * tf.reduce_sum(others, axis=1),
            scale[:, None] * others,
            None,
        )

    return (tf.math.log(total) + largest - click_logits, share), gradient


def normalized_squared_error(product, length, target_length):
    """Squared distance of two vectors of length 1, in [0, 4], from what is known of the vectors.

    Formula: `|x / |x| - y / |y||^2 = 2 - 2 x . y / (|x| |y|)`; 2 where one of them is 0.

    Source: Vancura et al., RecSys 2022 (ELSA), Eq. (5), per user; there x is a history and y what
    the model makes of it.

    Args:
        product: `x . y`, `(batch,)`.
        length, target_length: `|x|` and `|y|`, of which a 0 may come as 1e-6, `(batch,)`.
    """
    return 2.0 - 2.0 * product / (length * target_length)


def multinomial_negative_log_likelihood(log_sum_exp, sum_of_targets, sum_of_logits):
    """What a multinomial distribution over all items leaves unsaid of a user's clicks, in nats.

    Formula: `-sum over clicks of y_i log(exp(s_i) / sum over all items j of exp(s_j))`.

    Source: Liang et al., "Variational autoencoders for collaborative filtering", WWW 2018, Eq. (2).

    Args:
        log_sum_exp: `log sum over j of exp(s_j)`, `(users,)`.
        sum_of_targets: `sum over clicks of y_i`, `(users,)`.
        sum_of_logits: `sum over clicks of y_i s_i`, `(users,)`.
    """
    return sum_of_targets * log_sum_exp - sum_of_logits


def logit_of_mean_probability(first, second):
    """The logit of the mean of two probabilities, from their logits; finite for finite logits.

    Formula: `log(s(a) + s(b)) - log(s(-a) + s(-b))`, where s is the sigmoid and `1 - s(a) = s(-a)`.
    """
    yes = ops.logaddexp(ops.log_sigmoid(first), ops.log_sigmoid(second))
    no = ops.logaddexp(ops.log_sigmoid(-first), ops.log_sigmoid(-second))
    return yes - no


def pool_weight(loss, others_loss, temperature):
    """Weight of a positive that comes with a pool of its user's others, by PLD; 1 on average.

    Source: Zhang et al., WWW 2025, PLD: of a pool of K positives of a user, one is trained on,
    drawn by `softmax(-loss / temperature)`. A positive that is drawn uniformly, with K - 1 others
    to make the pool, and weighed by `K * softmax(-loss / temperature)` gives the same gradient in
    expectation.

    Args:
        loss: of the positives, `(batch,)`.
        others_loss: of the others in their pools, `(batch, K - 1)`.
        temperature: above 0; the smaller, the more the weight goes to the smallest loss.
    """
    pool = ops.concatenate([loss[:, None], others_loss], axis=1)
    return pool.shape[1] * ops.softmax(-pool / temperature, axis=1)[:, 0]


def linear_by_rank(values, smallest, largest):
    """Numbers that go evenly from `smallest`, of the smallest value, to `largest`, of the largest.

    Source: UDT and EARD, how both turn the mean losses of users (and items) into weights. Equal
    values are ranked in their order.
    """
    ranked = np.empty(len(values))
    ranked[np.argsort(values, kind="stable")] = np.linspace(smallest, largest, len(values))
    return ranked


def empirical_cdf(values):
    """Share of the values that are not larger, less half a rank: `(rank - 1/2) / n`, in `(0, 1)`.

    Equal values have equal shares.

    Source: Liu et al., WWW 2026, EARD, the interaction's own weight, of `-loss`.
    """
    return (np.searchsorted(np.sort(values), values, side="right") - 0.5) / max(1, len(values))


def softmax_within(values, group):
    """Softmax over the values of each group, times their number: 1 on average in each group.

    Source: Chua et al., RecSys 2024, UDT, over a user's interactions, of `-loss / temperature of
    the user`.

    Args:
        values: `(n,)`.
        group: which group each belongs to, integers from 0, `(n,)`.
    """
    largest = np.full(group.max(initial=-1) + 1, -np.inf)
    np.maximum.at(largest, group, values)
    share = np.exp(values - largest[group])
    return share * np.bincount(group)[group] / np.bincount(group, weights=share)[group]
