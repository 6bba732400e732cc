"""The table of a log: what each model reaches, and what lies between it and the best baseline."""

import dataclasses
import json
import pathlib

import numpy as np
import pandas as pd

METRIC = "recall@20"
RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Reached:
    """What a model reached on a log.

    Args:
        validation: recall@20 by which it was chosen.
        test: recall@20 of each seed.
        ndcg: ndcg@20, the mean over seeds.
        per_user: recall@20 of each test user, the mean over seeds.
        seconds: of learning, the mean over seeds.
    """

    validation: float
    test: tuple
    ndcg: float
    per_user: pd.Series
    seconds: float

    @property
    def mean(self):
        return float(np.mean(self.test))


def read(folder):
    """What the finished runs in a folder of one model reached; None if there is none."""
    runs = sorted(pathlib.Path(folder).glob("seed-*/metrics.json"))
    if not runs:
        return None
    metrics = [json.loads(run.read_text(encoding="utf-8")) for run in runs]
    users = [
        pd.read_parquet(run.with_name("test_users.parquet")).set_index("user_id")[METRIC]
        for run in runs
    ]
    return Reached(
        validation=float(
            np.mean([_validation(each, run) for each, run in zip(metrics, runs, strict=True)])
        ),
        test=tuple(each["test"][METRIC] for each in metrics),
        ndcg=float(np.mean([each["test"]["ndcg@20"] for each in metrics])),
        per_user=pd.concat(users, axis=1).mean(axis=1),
        seconds=float(np.mean([each["train"]["wall_seconds"] for each in metrics])),
    )


def _validation(metrics, run):
    trend = (metrics.get("trend") or {}).get("validation")
    if trend:
        return trend[METRIC]
    return pd.read_csv(run.with_name("history.csv"))[f"val_{METRIC}"].max()


def interval(first, second, seed=0):
    """Difference of two models' means over the same users, and where 95 % of resamples lie."""
    difference = (first - second).to_numpy()
    rng = np.random.default_rng(seed)
    size = len(difference)
    means = [difference[rng.integers(size, size=size)].mean() for _ in range(RESAMPLES)]
    return float(difference.mean()), *(float(each) for each in np.quantile(means, (0.025, 0.975)))


def markdown(reached, rankers):
    """A table of one log.

    Args:
        reached: `{model: Reached}`.
        rankers: `{model: Ranker}`.
    """
    baselines = {name: each for name, each in reached.items() if rankers[name].is_baseline}
    best = max(baselines, key=lambda name: baselines[name].mean)
    chosen = max(reached, key=lambda name: reached[name].validation)
    lines = [
        f"| model | validation | test recall@20 | ndcg@20 | beside {best} | seconds |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, each in sorted(reached.items(), key=lambda pair: -pair[1].mean):
        spread = f" ± {np.std(each.test, ddof=1):.4f}" if len(each.test) > 1 else ""
        beside = ""
        if name != best:
            difference, low, high = interval(each.per_user, reached[best].per_user)
            beside = f"{difference:+.4f} [{low:+.4f}, {high:+.4f}]"
        mark = "**" if name == chosen else ""
        lines.append(
            f"| {mark}{name}{mark} | {each.validation:.4f} | {each.mean:.4f}{spread} | "
            f"{each.ndcg:.4f} | {beside} | {each.seconds:.1f} |"
        )
    return "\n".join(lines)
