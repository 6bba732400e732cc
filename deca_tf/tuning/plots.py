"""A parallel-coordinates plot of trials. Needs matplotlib, of the extra `plots`."""

import math
import os
import pathlib

import numpy as np
import pandas as pd

from deca_tf._extras import require_extra
from deca_tf.tuning.trials import COLLAPSED, COMPLETED, hyperparameter_columns

LOGARITHMIC = 50.0  # a positive axis whose ends differ by such a factor is drawn by its logarithm


def plot_parallel_coordinates(
    frame: pd.DataFrame, objective: str, path: str | os.PathLike[str], title: str = ""
) -> None:
    """A line per trial through an axis per hyperparameter, coloured by the objective.

    Collapsed trials are grey and dotted, and end before the objective's axis.

    Args:
        frame: of `read_trials`.
        objective: name of what was maximized.
        path: PNG or SVG file to write.
        title: above it.

    Raises:
        ImportError: matplotlib is not installed.

    Stability: provisional.
    """
    require_extra("plots", "The parallel-coordinates plot", "matplotlib")
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    names = hyperparameter_columns(frame)
    shown = frame[frame["status"].isin([COMPLETED, COLLAPSED])]
    axes = [Axis(shown[name]) for name in names]
    scores = shown[objective].dropna()
    low, high = (scores.min(), scores.max()) if len(scores) else (0.0, 1.0)
    colours = ScalarMappable(Normalize(low, high), "viridis")
    figure = Figure(figsize=(1.6 * (len(names) + 2), 4.2), layout="constrained")
    panel = figure.add_subplot()
    for row in shown.iloc[::-1].to_dict("records"):  # the best last, above the others
        heights = [axis.height(row[name]) for axis, name in zip(axes, names, strict=True)]
        if row["status"] == COLLAPSED:
            panel.plot(range(len(names)), heights, color="0.6", linestyle=":", linewidth=1)
            continue
        score = float(row[objective])
        heights.append(0.5 if high == low else (score - low) / (high - low))
        panel.plot(
            range(len(heights)), heights, color=colours.to_rgba(np.array(score)), linewidth=1.5
        )
    panel.set_xticks(
        range(len(names) + 1),
        [*(name.replace(".", "\n", 1) for name in names), objective],
        fontsize=8,
    )
    panel.set_yticks([])
    panel.set_ylim(-0.12, 1.08)
    panel.set_title(title, fontsize=10)
    for position, axis in enumerate([*axes, Axis(scores)]):
        panel.axvline(position, color="0.3", linewidth=0.8)
        for height, text in axis.ticks():
            panel.text(position + 0.03, height, text, fontsize=7)
    for side in panel.spines.values():
        side.set_visible(False)
    figure.colorbar(colours, ax=panel, label=objective)
    path = pathlib.Path(path)
    beside = path.with_name(f"writing-{path.name}")
    figure.savefig(beside, dpi=110)
    beside.replace(path)


class Axis:
    """Where a value stands on its axis, from 0 to 1."""

    def __init__(self, values):
        values = [value for value in values if value == value and value is not None]
        self.is_number = all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in values
        )
        distinct = set(values)
        self.values = sorted(distinct) if self.is_number else sorted(distinct, key=str)
        self.is_log = self.is_number and bool(self.values) and self.values[0] > 0
        self.is_log = self.is_log and self.values[-1] / self.values[0] >= LOGARITHMIC

    def height(self, value):
        if len(self.values) < 2:
            return 0.5
        if not self.is_number:
            return self.values.index(value) / (len(self.values) - 1)
        at = math.log if self.is_log else float
        low, high = at(self.values[0]), at(self.values[-1])
        return (at(value) - low) / (high - low)

    def ticks(self):
        """`(height, text)` of those that are named: the ends, or all of a few."""
        named = (
            self.values
            if len(self.values) <= 6 or not self.is_number
            else [self.values[0], self.values[-1]]
        )
        return [
            (self.height(value), f"{value:.3g}" if self.is_number else str(value))
            for value in named
        ]
