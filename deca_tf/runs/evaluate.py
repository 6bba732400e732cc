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
from deca_tf.training.deca_model import DeCAModel

VERSIONS_OF = ("deca-tf", "tensorflow", "keras", "numpy")


def evaluate_run(
    config: Config, model: DeCAModel, split: Split, notes: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Evaluates a trained model on the test.

    Args:
        config: the run's `Config`.
        model: the trained `DeCAModel`.
        split: its `Split`.
        notes: what `train` says of the training.

    Returns:
        `(metrics, per_user)`: the contents of `metrics.json` and `Evaluation.per_user`.
    """
    found = evaluate(model, split)
    metrics = {
        "dataset": config.data.dataset,
        "backbone": config.backbone.name,
        "denoiser": config.denoiser.name,
        "protocol": split.protocol,
        "seed": config.seed,
        "config": config.to_dict(),
        "versions": {"python": platform.python_version(), **versions()},
        "leaks": str(split.leaks),
        **notes,
        "evaluation": {
            "users": found.num_users,
            "warm_users": found.num_warm_users,
            "seconds": found.seconds,
        },
        "test": found.metrics,
        "test_warm": found.warm,
        "test_popularity": evaluate(Popularity(split.train), split).metrics,
    }
    if split.protocol == "paper":
        metrics["test_unmasked"] = evaluate(model, split, leave_out_seen=False).metrics
    return metrics, found.per_user


def clean_validation(model: DeCAModel, split: Split, rule: str | None = None) -> dict[str, Any]:
    """Evaluates a finished run's model on the clean rows of its validation, as it is published.

    Args:
        model: the `DeCAModel`.
        split: its `Split`.
        rule: as for `clean_test_mask`; None: 'is_noisy == 0' or 'rating >= 5', whichever the
            validation can be asked, else all of its rows.

    Returns:
        `{"rule", "users", "recall@20", ...}`.

    Raises:
        ValueError: a rule that cannot be applied, or that no row meets.

    Stability: provisional.
    """
    rows = split.validation
    if rule is None:
        known = ((rows.is_noisy, "is_noisy == 0"), (rows.rating, "rating >= 5"))
        rule = next((each for values, each in known if values is not None), None)
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
