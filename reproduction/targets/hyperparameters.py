"""Figures 5 and 6: recall@20 of GMF by DeCA over the paper's grid of C1 and C2.

The paper's text does not say how they are drawn; here it is a map of C2 against C1 with the figures
in it. The grid has dead corners, where training collapses: such runs are marked and never averaged.
"""

import dataclasses
import statistics

import numpy as np

from deca_tf.data import schema
from reproduction import plots, tables
from reproduction.grid import Cell
from reproduction.names import dataset_name
from reproduction.targets.target import Target, missing_note, notes

VALUES = (1, 10, 100, 1000)
METRIC = "recall@20"


class Hyperparameters(Target):
    """One map for each data set."""

    protocols = (schema.PAPER, schema.CLEAN)
    draws = True

    def cells(self, dataset, protocol):
        return list(_grid(dataset, protocol).values())

    def places(self, scope):
        return [_place(self.name, protocol) for protocol in scope.protocols]

    def render(self, scope, results, figures):
        blocks = {}
        for protocol in scope.protocols:
            maps, parts = {}, []
            for dataset in scope.datasets:
                cells = _grid(dataset, protocol)
                maps[dataset] = {pair: read(results, cell) for pair, cell in cells.items()}
                rows = [
                    [str(c1), *(maps[dataset][c1, c2].text() for c2 in VALUES)] for c1 in VALUES
                ]
                title = f"{self.title}: {dataset_name(dataset)}, protocol {protocol}"
                parts.append(tables.Table(["C1", *(f"C2 = {c2}" for c2 in VALUES)], rows, title))
                example = next(cell.name for cell in cells.values() if cell.overrides)
                where = f"Each run is in a folder such as `{example}`."
                parts += notes(where, missing_note(results, list(cells.values())))
            if any(
                point.recalls or point.collapsed
                for points in maps.values()
                for point in points.values()
            ):
                path = figures / f"{_place(self.name, protocol)}.png"
                _draw(maps, path)
                parts.insert(
                    0,
                    tables.Figure(
                        path, f"recall@20 by C1 and C2, GMF by DeCA, protocol {protocol}"
                    ),
                )
            blocks[_place(self.name, protocol)] = [*parts, *notes(scope.left_out)]
        return blocks


@dataclasses.dataclass(frozen=True)
class Point:
    """One pair of C1 and C2.

    Args:
        recalls: of the runs that did not collapse.
        collapsed: pairs of a state and the recall of the runs that did.
    """

    recalls: tuple = ()
    collapsed: tuple = ()

    def text(self):
        """A field of the table."""
        lines = [tables.spread(list(self.recalls))] if self.recalls or not self.collapsed else []
        states = ", ".join(dict.fromkeys(state for state, _ in self.collapsed))
        if states:
            recall = statistics.fmean(recall for _, recall in self.collapsed)
            runs = len(self.recalls) + len(self.collapsed)
            lines.append(f"{len(self.collapsed)} of {runs} collapsed, {states} ({recall:.4f})")
        return "\n".join(lines)


def read(results, cell):
    """The runs of a cell as a `Point`."""
    runs = [
        (metrics.get("collapsed"), metrics["test"][METRIC]) for metrics in results.metrics(cell)
    ]
    return Point(
        tuple(recall for state, recall in runs if not state),
        tuple((state, recall) for state, recall in runs if state),
    )


def _grid(dataset, protocol):
    """`{(c1, c2): cell}`; where the recipe has these values, its own cell."""
    own = Cell(dataset, protocol, "gmf", "deca")
    chosen = own.config(0).denoiser.model_extra
    grid = {}
    for c1 in VALUES:
        for c2 in VALUES:
            is_own = (chosen.get("c1"), chosen.get("c2")) == (c1, c2)
            overrides = (("denoiser.c1", c1), ("denoiser.c2", c2))
            grid[c1, c2] = own if is_own else dataclasses.replace(own, overrides=overrides)
    return grid


def _place(name, protocol):
    return name if protocol == schema.PAPER else f"{name}-{protocol}"


def _draw(maps, path):
    with plots.drawing(path, len(maps), width=3.9, height=3.4) as axes:
        for axis, (dataset, points) in zip(axes[0], maps.items(), strict=True):
            known = np.full((len(VALUES), len(VALUES)), np.nan)
            for row, c2 in enumerate(VALUES):
                for column, c1 in enumerate(VALUES):
                    point = points[c1, c2]
                    text = "-"
                    if point.recalls:
                        known[row, column] = statistics.fmean(point.recalls)
                        text = f"{known[row, column]:.4f}" + ("*" if point.collapsed else "")
                    elif point.collapsed:
                        text = "collapsed"
                    axis.text(
                        column, row, text, ha="center", va="center", fontsize=7, color="black"
                    )
            axis.imshow(known, cmap="YlGn", origin="lower", aspect="auto")
            axis.set(title=dataset_name(dataset), xlabel="C1", ylabel="C2")
            axis.set_xticks(range(len(VALUES)), VALUES)
            axis.set_yticks(range(len(VALUES)), VALUES)
