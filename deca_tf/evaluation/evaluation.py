"""What an evaluation found."""

import dataclasses
from typing import Any

import pandas as pd

from deca_tf._checks import did_you_mean


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What `evaluate` found. `evaluation["recall@20"]` is one of its `metrics`.

    Printed it is a table of them, in a notebook too.

    Args:
        metrics: means over all evaluated users, `{"recall@3": ..., "mrr@50": ...}`, in [0, 1].
        warm: the same over users with a training history; empty where there are none.
        num_users: evaluated users.
        num_warm_users: those with a training history.
        seconds: wall time of scoring, ranking and averaging, without the set-up that `Evaluator`
            does once.
        per_user: one row per user: `user_id` (raw), `is_warm` and a column per metric, for paired
            tests.
        per_pair: one row per relevant pair, in order of user and item: dense `user_id` and
            `item_id`, and the item's `rank` for the user, from 1; 0 where it is never recommended.
            Exact up to the largest of `ks`; further down it does not count items of equal score
            that come before.

    Stability: stable.
    """

    metrics: dict[str, float]
    warm: dict[str, float]
    num_users: int
    num_warm_users: int
    seconds: float
    per_user: pd.DataFrame
    per_pair: pd.DataFrame

    def __getitem__(self, name: str) -> float:
        """The mean of one metric over all evaluated users, such as `"recall@20"`."""
        if name not in self.metrics:
            raise KeyError(
                f"The metrics are {', '.join(self.metrics)}. Received: {name!r}."
                f"{did_you_mean(name, self.metrics)}"
            )
        return self.metrics[name]

    def to_dict(self) -> dict[str, Any]:
        """All but `per_user` and `per_pair`, as plain numbers that JSON can hold."""
        names = [
            field.name for field in dataclasses.fields(self) if not field.name.startswith("per_")
        ]
        return {name: getattr(self, name) for name in names}

    def table(self) -> pd.DataFrame:
        """The means as a `pandas.DataFrame`: a row per metric, a column per length of the list."""
        table: dict[str, dict[str, float]] = {}
        for name, value in self.metrics.items():
            metric, k = name.split("@")
            table.setdefault(f"@{k}", {})[metric] = value
        return pd.DataFrame(table)

    def __repr__(self) -> str:
        return f"{self._headline()}\n{self.table().to_string(float_format='{:.4f}'.format)}"

    def _repr_html_(self) -> str:
        return f"<p>{self._headline()}</p>{self.table().to_html(float_format='{:.4f}'.format)}"

    def _headline(self) -> str:
        return (
            f"Means over {self.num_users:,} users, {self.num_warm_users:,} of them with a training "
            "history"
        )
