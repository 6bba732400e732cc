"""The trend of a run: how strong it is and how fast it fades, by the validation where asked."""

import dataclasses

import numpy as np

from deca_tf.baselines import Popularity
from deca_tf.baselines.popularity import item_counts
from deca_tf.config import AUTO
from deca_tf.evaluation import Evaluator
from deca_tf.runs.train import MONITOR_K
from deca_tf.trends import Trending, trend_prior

HALF_LIVES = (1.0, 3.0, 7.0, 14.0, 30.0, 90.0)  # days that are tried
# Weights that are tried, in standard deviations of the model's scores over the items of a user.
STRENGTHS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
MOST_USERS = 5_000  # of the validation that a trend is chosen by
SPREAD_USERS = 256  # whose scores tell how far they spread
MOST_SCORES = 2**25  # that are kept from one trend to the next, 128 MiB
CHUNK_SCORES = 2**20  # worked out at once
TREND = ("trend_half_life", "trend_weight")  # keys of `[time]`


def asks_for_trend(config):
    """Whether a run's settings ask for a trend, of whatever strength."""
    time = config.time
    return time.trend_weight != 0 and not (time.trend_weight is None is time.trend_half_life)


def choose_trend(config, model, split, seed=0):
    """The trend that a config asks for; what is 'auto' is chosen on the noisy validation.

    Args:
        config: a `Config`.
        model: the trained model, or a `Baseline`.
        split: the `Split` that it learned from.
        seed: which users of the validation, where there are very many.

    Returns:
        `{"half_life", "weight", "validation"}`, the last the validation's metrics with the trend;
        or None: no trend is asked for, or none helps.

    Raises:
        ValueError: no timestamps, or nothing to evaluate on.
    """
    if not asks_for_trend(config):
        return None
    half_life, weight = config.time.trend_half_life, config.time.trend_weight
    half_lives = HALF_LIVES if half_life in (None, AUTO) else (half_life,)
    is_chosen = weight in (None, AUTO)
    fewer = _fewer_users(split, seed)
    evaluator = Evaluator(fewer, part="validation", ks=(MONITOR_K,))
    metric = config.training.monitor.removeprefix("val_")
    known, best, found = _remembered(model, fewer), -1.0, None
    weights = [weight]
    if is_chosen:
        best = evaluator(known).metrics[metric]
        scale = _spread(model, split, seed)
        weights = [_rounded(scale * strength) for strength in STRENGTHS]
    for days in half_lives:
        for tried in weights:
            trend = {"half_life": days, "weight": tried}
            metrics = evaluator(with_trend(known, split, trend)).metrics
            if metrics[metric] > best:
                best, found = metrics[metric], {**trend, "validation": metrics}
    return found


def with_trend(model, split, trend):
    """The model with the trend of all that it learned from.

    Args:
        model: the trained model, or a `Baseline`.
        split: the `Split` whose train it learned from.
        trend: as `choose_trend` gives it; None: the model stays as it is.
    """
    if trend is None:
        return model
    prior = trend_prior(split.train, trend["half_life"], trend["weight"])
    decayed = item_counts(split.train, trend["half_life"])
    made_of = {"half_life": trend["half_life"], "weight": trend["weight"]}
    return Trending(model, prior, decayed, **made_of)


def decayed_popularity(split):
    """Popularity with the half-life that does best on the validation, learned from train.

    Args:
        split: the `Split`; where it is a refit, the validation is that of the split before.

    Returns:
        `(half_life, Popularity)`, or None: no timestamps, or nothing to choose by.
    """
    judged = split.refit_of or split
    if judged.train.timestamp is None or not len(judged.validation):
        return None
    evaluator = Evaluator(judged, part="validation", ks=(MONITOR_K,))
    reached = [
        evaluator(Popularity(judged.train, half_life=days)).metrics[f"recall@{MONITOR_K}"]
        for days in HALF_LIVES
    ]
    best = HALF_LIVES[int(np.argmax(reached))]
    return best, Popularity(split.train, half_life=best)


def _rounded(weight):
    """Four digits, for settings that can be read."""
    return float(f"{weight:.4g}")


class _Remembered:
    """The scores of a model for some users, rising."""

    def __init__(self, users, scores, for_strangers):
        self.users, self.scores, self.for_strangers = users, scores, for_strangers

    def score_all_items(self, user_ids):
        return self.scores[np.searchsorted(self.users, user_ids)]


def _remembered(model, split):
    """The model, with its scores for the validation's users kept if they are few enough."""
    users = np.unique(split.validation.user_id).astype(np.int32)
    if len(users) * split.num_items > MOST_SCORES:
        return model
    scored = Trending(model, np.zeros(split.num_items, np.float32))
    chunk = max(1, CHUNK_SCORES // split.num_items)
    scores = [
        scored.score_all_items(users[start : start + chunk])
        for start in range(0, len(users), chunk)
    ]
    own = getattr(scored.scored, "for_strangers", None)
    return _Remembered(users, np.concatenate(scores), own)


def _fewer_users(split, seed):
    users = np.unique(split.validation.user_id)
    if len(users) <= MOST_USERS:
        return split
    users = np.random.default_rng(seed).choice(users, MOST_USERS, replace=False)
    rows = np.isin(split.validation.user_id, users)
    return dataclasses.replace(split, validation=split.validation.take(rows))


def _spread(model, split, seed):
    """How far a user's scores of all items lie apart: their standard deviation, the mean over some.

    Users with history; 1 where there are none.
    """
    users = np.unique(split.train.user_id)
    if len(users) > SPREAD_USERS:
        users = np.random.default_rng(seed).choice(users, SPREAD_USERS, replace=False)
    if not len(users):
        return 1.0
    zeros = np.zeros(split.num_items, np.float32)
    scores = Trending(model, zeros).score_all_items(users.astype(np.int32))
    scores = np.where(np.isfinite(scores), scores, np.nan)
    return float(np.nanmean(np.nanstd(scores, axis=1))) or 1.0
