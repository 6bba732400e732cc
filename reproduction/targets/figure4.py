"""Figure 4: the mean probability of being real of training clicks, by their stars.

That it rises with the stars proves nothing, since it does so for a model trained normally, too. So
each line's power to tell 4 and 5 stars from 1 and 2 stands beside it: the area under the ROC curve,
with Normal's to compare with.
"""

import numpy as np

from deca_tf.data import schema
from reproduction import derived, plots, tables
from reproduction.grid import Cell
from reproduction.names import BACKBONES, METHODS, dataset_name
from reproduction.paper_table import RUN_HEAD, of_run
from reproduction.targets.model_selection import BACKBONE, noise_model_cells
from reproduction.targets.target import Target, collapsed_note, missing_note, notes

STARS = (1, 2, 3, 4, 5)


class Figure4(Target):
    """Eq.

    (16) for DeCA with MF, GMF or NeuMF as h and h'; the target's probability for DeCA(p) and
    Normal.
    """

    title = (
        "Figure 4: mean probability of being real by stars, with the AUC of 4-5 against 1-2 stars"
    )
    datasets = ("ml-100k", "modcloth", "electronics")  # Adressa has no stars
    draws = True

    def cells(self, dataset, protocol):
        return list(_lines(dataset, protocol).values())

    def places(self, scope):
        return [self.name]

    def render(self, scope, results, figures):
        panels, parts = {}, []
        for dataset in scope.datasets:
            lines, rows = _lines(dataset, schema.PAPER), []
            for label, cell in lines.items():
                found = list(
                    derived.of_cell(results, "real-by-stars", cell, _real_by_stars).values()
                )
                means = [[finding["mean"][str(stars)] for finding in found] for stars in STARS]
                aucs = [finding["auc"] for finding in found]
                rows.append(
                    [label, *map(_share, means), tables.spread(aucs), *of_run(results, cell)]
                )
                if found:
                    line = f"{label} (AUC {np.mean(aucs):.3f})"
                    panels.setdefault(dataset, {})[line] = (
                        np.mean(means, axis=1),
                        np.std(means, axis=1),
                    )
            head = [
                "method",
                *(f"{stars} stars" if stars > 1 else "1 star" for stars in STARS),
                "AUC",
                *RUN_HEAD,
            ]
            title = f"Figure 4, {dataset_name(dataset)}, {BACKBONES[BACKBONE]}: mean probability of being real"
            parts.append(tables.Table(head, rows, title))
            parts += notes(
                missing_note(results, list(lines.values())),
                collapsed_note(results, list(lines.values())),
            )
        if panels:
            path = figures / "figure4.png"
            _draw(panels, path)
            parts.insert(
                0,
                tables.Figure(
                    path, "Mean real positive probability of training clicks by their stars"
                ),
            )
        return {self.name: [*parts, *notes(scope.left_out)]}


def _lines(dataset, protocol):
    """`{label: cell}`."""
    named = {
        f"{METHODS[denoiser]}, h = {BACKBONES[model]}": cell
        for (denoiser, model), cell in noise_model_cells(dataset, protocol, ("deca",)).items()
    }
    return {
        METHODS["none"]: Cell(dataset, protocol, BACKBONE, "none"),
        **named,
        METHODS["deca-p"]: Cell(dataset, protocol, BACKBONE, "deca-p"),
    }


def _real_by_stars(model, split):
    """Means by stars and the AUC, of one run."""
    from deca_tf.reporting import interaction_report, separation_auc

    report = interaction_report(model, split.train)
    stars = report["rating"].round().astype(int)
    told = stars != 3
    return {
        "mean": {
            str(number): float(report.loc[stars == number, "posterior"].mean()) for number in STARS
        },
        "interactions": {str(number): int((stars == number).sum()) for number in STARS},
        "auc": separation_auc(report.loc[told, "posterior"], stars[told] <= 2),
    }


def _share(values):
    return f"{np.mean(values):.3f}" if values else tables.MISSING


def _draw(panels, path):
    with plots.drawing(path, len(panels), width=3.8) as axes:
        for axis, (dataset, lines) in zip(axes[0], panels.items(), strict=True):
            for label, (means, deviations) in lines.items():
                axis.errorbar(
                    STARS, means, deviations, label=label, marker="o", markersize=3, capsize=2
                )
            axis.set(title=dataset_name(dataset), xlabel="stars", xticks=STARS)
            axis.grid(alpha=0.3)
            axis.legend(frameon=False, fontsize=7)
        axes[0][0].set_ylabel("mean real positive probability")
