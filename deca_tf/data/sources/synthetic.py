"""Synthetic clicks whose truth is known: likes, what was shown, and which clicks are noise."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from deca_tf.data.interactions import Interactions
from deca_tf.data.splits import Split
from deca_tf.data.splitters import CHRONOLOGICAL_PER_USER, FRACTIONS, split

CLEAN_TEST = "is_noisy == 0"
FIRST_SECOND = 1_700_000_000  # 14 November 2023
NUM_DAYS = 90


def synthetic(
    num_users: int = 1500,
    num_items: int = 800,
    *,
    num_clicks: int = 80_000,
    noise_share: float = 0.3,
    latent_dim: int = 3,
    like_bias: float = -2.5,
    affinity_scale: float = 4.0,
    quality_scale: float = 0.7,
    popularity_exponent: float = 0.5,
    activity_spread: float = 0.7,
    clickbait_spread: float = 0.7,
    popularity_pull: float = 0.5,
    seed: int = 0,
) -> Interactions:
    """Draws clicks from a model of preference, exposure and noise.

    For user u and item i, all draws independent:

        liking     L ~ Bernoulli(sigmoid(like_bias + affinity_scale * p_u . q_i / sqrt(latent_dim)
                                         + quality_scale * z_i)),       p_u, q_i, z_i ~ N(0, 1)
        exposure   E ~ Bernoulli(1 - exp(-c * a_u * w_i)),
                                         a_u = exp(activity_spread * N(0, 1)),
                                         w_i = rank_i ** -popularity_exponent
        click      if E and L: always
                   if E and not L: with probability min(1, e * b_i),
                                         b_i = exp(clickbait_spread * N(0, 1))
                                         * (w_i / mean w) ** popularity_pull

    The ranks are a random order of the items, independent of quality and of the item's number.
    Clicks without liking are the noisy positives, more of them on shown-everywhere and clickbait
    items. Liked pairs that were never shown stay unclicked: the unaware negatives,
    indistinguishable from dislikes in the log. The scalars c and e are solved for, so that in
    expectation there are `num_clicks` clicks and a share `noise_share` of them is noise. Times are
    uniform over 90 days: taste does not drift. Nothing in the model refers to a training method.

    Args:
        num_users, num_items: sizes, at least 2 each; memory and time grow with their product.
        num_clicks: expected number of clicks.
        noise_share: expected share of clicks without liking, in [0, 1).
        latent_dim: length of the preference vectors.
        like_bias: log-odds that an average user likes an average item.
        affinity_scale: standard deviation of personal taste, in log-odds.
        quality_scale: standard deviation of an item's quality, in log-odds.
        popularity_exponent: how steeply exposure falls with popularity rank; 0: all items alike.
        activity_spread: standard deviation of the log of a user's activity.
        clickbait_spread: standard deviation of the log of an item's clickbait.
        popularity_pull: how much more often a popular item is clicked without liking, as a power.
        seed: integer; same seed, same data.

    Returns:
        `Interactions` in order of time with `timestamp` and the truth in `is_noisy`; raw ids are
        "user_0042" and "item_0007". Every user and item is in the id space, clicked or not.

    Raises:
        ValueError: a size below 2, a noise share outside [0, 1), or more clicks asked for than
            pairs allow.

    Stability: stable.
    """
    _check(num_users, num_items, num_clicks, noise_share)
    rng = np.random.default_rng(seed)
    taste = rng.standard_normal((num_users, latent_dim)) @ rng.standard_normal(
        (latent_dim, num_items)
    )
    quality = rng.standard_normal(num_items)
    log_odds = like_bias + affinity_scale * taste / np.sqrt(latent_dim) + quality_scale * quality
    liked = rng.random((num_users, num_items)) < 1 / (1 + np.exp(-log_odds))

    popularity = (rng.permutation(num_items) + 1.0) ** -popularity_exponent
    activity = np.exp(activity_spread * rng.standard_normal(num_users))
    rate = np.outer(activity, popularity)
    liked_rate = rate[liked]
    c = _solve(lambda c: -np.expm1(-c * liked_rate).sum(), num_clicks * (1 - noise_share))
    exposure = -np.expm1(-c * rate)

    bait = np.exp(clickbait_spread * rng.standard_normal(num_items))
    bait *= (popularity / popularity.mean()) ** popularity_pull
    unliked_exposure = (exposure * ~liked).sum(axis=0)
    e = _solve(
        lambda e: (unliked_exposure * np.minimum(1, e * bait)).sum(), num_clicks * noise_share
    )

    exposed = rng.random((num_users, num_items)) < exposure
    tempted = rng.random((num_users, num_items)) < np.minimum(1, e * bait)
    user_id, item_id = np.nonzero(exposed & (liked | tempted))
    timestamp = FIRST_SECOND + rng.integers(0, NUM_DAYS * 86_400, len(user_id))
    order = np.argsort(timestamp, kind="stable")
    user_id, item_id = user_id[order].astype(np.int32), item_id[order].astype(np.int32)
    return Interactions(
        user_id=user_id,
        item_id=item_id,
        raw_user_ids=_names("user", num_users),
        raw_item_ids=_names("item", num_items),
        timestamp=timestamp[order],
        is_noisy=~liked[user_id, item_id],
    )


def synthetic_split(
    seed: int = 0,
    *,
    fractions: Sequence[float] = FRACTIONS,
    by: str = CHRONOLOGICAL_PER_USER,
    clean_test: str | None = CLEAN_TEST,
    **parameters: Any,
) -> Split:
    """Splits synthetic clicks; the test holds only clicks that were liked.

    Train and validation keep their noise. The test is the true part of the held-out clicks, so it
    follows the same popularity-driven exposure as the log: it asks which shown items are liked, not
    what an unbiased survey of tastes would say.

    Args:
        seed: of the data, and of the split where it is random.
        fractions, by, clean_test: as for `deca_tf.data.split`.
        **parameters: of `synthetic`.

    Returns:
        A `Split` under protocol 'clean'.

    Stability: stable.
    """
    interactions = synthetic(seed=seed, **parameters)
    return split(
        interactions, by=by, fractions=fractions, clean_test=clean_test, seed=seed, name="synthetic"
    )


OPTIONS = tuple(name for name in inspect.signature(synthetic).parameters if name != "seed")


def load(name="synthetic", *, data_dir=None, seed=0, **parameters):
    """The registry's entry: `synthetic`, which reads no files."""
    del name, data_dir
    return synthetic(seed=seed, **parameters)


def _check(num_users, num_items, num_clicks, noise_share):
    for name, size in (("num_users", num_users), ("num_items", num_items)):
        if size < 2:
            raise ValueError(
                f"`{name}` must be at least 2, or nothing can be ranked. Received: {name}={size}."
            )
    if not 0 <= noise_share < 1:
        raise ValueError(f"`noise_share` must be in [0, 1). Received: noise_share={noise_share}.")
    if num_clicks < 1:
        raise ValueError(f"`num_clicks` must be at least 1. Received: num_clicks={num_clicks}.")


def _solve(expected, goal):
    """The scalar x >= 0 at which the increasing `expected` reaches `goal`, by bisection."""
    if goal == 0:
        return 0.0
    low, high = 0.0, 1.0
    while expected(high) < goal:
        high *= 2
        if high > 1e9:
            raise ValueError(
                f"`num_clicks` and `noise_share` must be reachable: at most {expected(high):,.0f} "
                "such clicks exist. "
                f"Received: {goal:,.0f} asked for. Lower them, or raise num_users or num_items."
            )
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) < goal else (low, middle)
    return high


def _names(prefix, size):
    digits = max(4, len(str(size - 1)))
    return np.array([f"{prefix}_{number:0{digits}d}" for number in range(size)])
