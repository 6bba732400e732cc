"""What a finished training is worth: the results of a run, and the clean part of its validation."""

import dataclasses
import importlib.metadata
import platform
from typing import Any

import pandas as pd

from deca_tf.baselines import Popularity
from deca_tf.config import Config
from deca_tf.data.splits import Split
from deca_tf.data.splitters import clean_test_mask
from deca_tf.evaluation import evaluate
from deca_tf.runs.train import MONITOR_K
from deca_tf.runs.trend import decayed_popularity, with_trend
from deca_tf.training.deca_model import DeCAModel

VERSIONS_OF = ("deca-tf", "tensorflow", "keras", "numpy")


def evaluate_run(
    config: Config, model: DeCAModel, split: Split, notes: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Evaluates a trained model on the test.

    Args:
        config: the run's `Config`.
        model: the trained `DeCAModel`.
        split: the `Split` that it learned from.
        notes: what `train` says of the training, and `choose_trend` of the trend.

    Returns:
        `(metrics, per_user)`: the contents of `metrics.json` and `Evaluation.per_user`.
    """
    trend = notes.pop("trend", None)
    found = evaluate(with_trend(model, split, trend), split)
    metrics = {
        "dataset": config.data.dataset,
        "backbone": config.backbone.name,
        "denoiser": config.denoiser.name,
        "protocol": split.protocol,
        "seed": config.seed,
        "config": config.to_dict(),
        "versions": {"python": platform.python_version(), **versions()},
        "leaks": str(split.leaks),
        **_timeline(config, split),
        **notes,
        **({} if trend is None else {"trend": trend}),
        "evaluation": {
            "users": found.num_users,
            "warm_users": found.num_warm_users,
            "seconds": found.seconds,
        },
        "test": found.metrics,
        "test_warm": found.warm,
        "test_popularity": evaluate(Popularity(split.train), split).metrics,
    }
    decayed = decayed_popularity(split)
    if decayed is not None:
        metrics["popularity_half_life"] = decayed[0]
        metrics["test_decayed_popularity"] = evaluate(decayed[1], split).metrics
    if split.protocol == "paper":
        metrics["test_unmasked"] = evaluate(model, split, leave_out_seen=False).metrics
    return metrics, found.per_user


def _timeline(config, split):
    """Under 'timeline' when its parts end, and what is first seen in the test."""
    until = (split.refit_of or split).until
    if not until:
        return {}
    new = ("new_users", "new_items", "new_item_pairs")
    return {
        "timeline": {
            **{f"{part}_until": str(time) for part, time in until.items()},
            "windows_back": config.data.windows_back,
            **{name: getattr(split.leaks, name) for name in new},
        }
    }


def clean_validation(
    model: DeCAModel, split: Split, rule: str | None = None, stored: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Evaluates a finished run's model on the clean rows of its validation, as it is published.

    A model that has learned from the validation too is not asked: what it reached before is stored.

    Args:
        model: the `DeCAModel`.
        split: its `Split`.
        rule: as for `clean_test_mask`; None: 'is_noisy == 0' or 'rating >= 5', whichever the
            validation can be asked and some of its rows meet, else all of its rows.
        stored: the contents of `metrics.json`, for a run with a refit.

    Returns:
        `{"rule", "users", "recall@20", ...}`.

    Raises:
        ValueError: a rule that cannot be applied, or that no row meets; of a run with a refit, a
            rule that is not the one it was evaluated by.

    Stability: provisional.
    """
    known = (stored or {}).get("clean_validation")
    if known is not None:
        if rule not in (None, known["rule"]):
            raise ValueError(
                f"`clean_rule` must be {known['rule']!r} for a run with a refit, whose model has "
                f"learned from the validation since. Received: {rule!r}. Leave it out, or train "
                "with training.refit=False."
            )
        return known
    rows = split.validation
    if rule is None:
        can_be_asked = ((rows.is_noisy, "is_noisy == 0"), (rows.rating, "rating >= 5"))
        rule = next(
            (
                each
                for values, each in can_be_asked
                if values is not None and clean_test_mask(rows, each).any()
            ),
            None,
        )
    if rule is not None:
        rows = rows.take(clean_test_mask(rows, rule))
        if not len(rows):
            raise ValueError(
                f"Some of the validation must meet the rule. Received: {rule!r}, which none does."
            )
    found = evaluate(
        model, dataclasses.replace(split, validation=rows), part="validation", ks=(MONITOR_K,)
    )
    return {"rule": rule or "all rows", "users": found.num_users, **found.metrics}


def versions() -> dict[str, str]:
    """Releases of what decides a run's numbers, `{package: version}`."""
    return {name: _version(name) for name in VERSIONS_OF}


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
