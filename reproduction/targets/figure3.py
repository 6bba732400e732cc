"""Figure 3: recall@20 on the clean test along the training of GMF."""

import numpy as np

from deca_tf.data import schema
from reproduction import plots, tables
from reproduction.learning_curves import curve
from reproduction.long_runs import TIMES, long_cell, recipe_epochs
from reproduction.names import METHODS, dataset_name
from reproduction.targets.target import Target, missing_note, notes

BACKBONE = "gmf"
DRAWN = ("none", "deca", "deca-p")


class Figure3(Target):
    """One panel per data set, one line per method, dashed for users with history.

    A dot where the recipe ends.
    """

    title = (
        f"Figure 3: recall@20 on the clean test by epoch, GMF, to {TIMES} times the recipe's epochs"
    )
    datasets = ("modcloth", "adressa", "electronics", "ml-100k")
    protocols = (schema.PAPER, schema.CLEAN)
    draws = True

    def cells(self, dataset, protocol):
        return [long_cell(dataset, protocol, BACKBONE, denoiser) for denoiser in DRAWN]

    def places(self, scope):
        return [_place(self.name, protocol) for protocol in scope.protocols]

    def render(self, scope, results, figures):
        return {
            _place(self.name, protocol): self._parts(scope, protocol, results, figures)
            for protocol in scope.protocols
        }

    def _parts(self, scope, protocol, results, figures):
        panels, rows, cells = {}, [], []
        for dataset in scope.datasets:
            cells += self.cells(dataset, protocol)
            for cell in self.cells(dataset, protocol):
                epochs, recalls = curve(results.histories(cell), "test_recall@20")
                if len(epochs):
                    warm = curve(results.histories(cell), "test_warm_recall@20")[1]
                    panels.setdefault(dataset, []).append((cell, epochs, recalls, warm))
                    rows.append(_row(results, dataset, cell, epochs, recalls))
        head = [
            "data",
            "method",
            "best",
            "at epoch",
            "at the recipe's end",
            f"at {TIMES} times that",
            "run",
        ]
        parts = [
            tables.Table(
                head, rows, f"Figure 3: recall@20 on the clean test, GMF, protocol {protocol}"
            ),
            *notes(missing_note(results, cells), scope.left_out),
        ]
        if panels:
            path = figures / f"{_place(self.name, protocol)}.png"
            _draw(panels, path)
            caption = f"recall@20 on the clean test against the epoch, GMF, protocol {protocol}"
            parts.insert(0, tables.Figure(path, f"{caption}; dashed: users with history"))
        return parts


def _place(name, protocol):
    return name if protocol == schema.PAPER else f"{name}-{protocol}"


def _row(results, dataset, cell, epochs, recalls):
    """Of the mean over seeds, which is what is drawn."""
    best = int(np.argmax(recalls))
    end = min(recipe_epochs(cell), len(recalls))
    figures = [
        f"{recalls[best]:.4f}",
        str(epochs[best]),
        f"{recalls[end - 1]:.4f}",
        f"{recalls[-1]:.4f}",
    ]
    return [dataset_name(dataset), METHODS[cell.denoiser], *figures, cell.name]


def _draw(panels, path):
    with plots.drawing(path, len(panels), width=3.4) as axes:
        for axis, (dataset, lines) in zip(axes[0], panels.items(), strict=True):
            for cell, epochs, recalls, warm in lines:
                (line,) = axis.plot(epochs, recalls, label=METHODS[cell.denoiser])
                end = min(recipe_epochs(cell), len(recalls))
                axis.plot(end, recalls[end - 1], "o", color=line.get_color(), markersize=4)
                axis.plot(epochs[: len(warm)], warm, "--", color=line.get_color(), linewidth=0.8)
            axis.set(title=dataset_name(dataset), xlabel="epoch")
            axis.grid(alpha=0.3)
        axes[0][0].set_ylabel("recall@20, clean test")
        axes[0][0].legend(frameon=False)
