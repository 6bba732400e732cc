"""Late-epoch stability as a number.

Recall@20 on the clean test at the last epoch over that of its best epoch.
"""

import numpy as np

from deca_tf.data import schema
from reproduction import tables
from reproduction.long_runs import TIMES, long_cell, recipe_epochs
from reproduction.names import BACKBONES, METHODS, dataset_name
from reproduction.paper_table import RUN_HEAD, of_run
from reproduction.targets.target import Target, missing_note, notes

HORIZONS = (1, 2, TIMES)
WATCHED = ("none", "t-ce", "deca", "deca-p", "deca-limit")
COLUMN = "test_recall@20"
WARM_COLUMN = "test_warm_recall@20"


class Stability(Target):
    """One long run serves all horizons.

    Where its first epochs end, a shorter run would have ended.
    """

    title = f"Late-epoch stability: recall@20 at the last epoch over its best, at {HORIZONS} times the recipe's epochs"
    datasets = ("ml-100k", "modcloth", "adressa")
    protocols = (schema.PAPER, schema.CLEAN)

    def cells(self, dataset, protocol):
        backbones = ("gmf", "neumf") if dataset == "adressa" else ("gmf",)
        return [
            long_cell(dataset, protocol, backbone, denoiser)
            for backbone in backbones
            for denoiser in WATCHED
        ]

    def places(self, scope):
        return [f"{self.name}-{protocol}" for protocol in scope.protocols]

    def render(self, scope, results, figures):
        blocks = {}
        for protocol in scope.protocols:
            cells = [cell for dataset in scope.datasets for cell in self.cells(dataset, protocol)]
            head = [
                *("data", "model", "method", "recipe's epochs", "best R@20", "best epoch of these"),
                *(f"kept at {times}x" for times in HORIZONS),
                f"kept at {TIMES}x the best epoch",
                f"users with history: kept at {TIMES}x",
                *RUN_HEAD,
            ]
            title = f"Recall@20 at the last epoch over that of the best epoch so far, protocol {protocol}"
            blocks[f"{self.name}-{protocol}"] = [
                tables.Table(head, [_row(results, cell) for cell in cells], title),
                *notes(missing_note(results, cells)),
            ]
        return blocks


def kept(recalls, epochs):
    """Recall at the end of some epochs over the best until then; None where the run is shorter.

    Args:
        recalls: by epoch, `(n,)`.
        epochs: how many of them.
    """
    if len(recalls) < epochs or not max(recalls[:epochs]):
        return None
    return float(recalls[epochs - 1] / max(recalls[:epochs]))


def _row(results, cell):
    histories = results.histories(cell)
    runs, warm_runs = (
        [history[name].to_numpy() for history in histories if name in history]
        for name in (COLUMN, WARM_COLUMN)
    )
    epochs = recipe_epochs(cell)
    best = [int(np.argmax(recalls[:epochs])) + 1 for recalls in runs]
    by_horizon = [[kept(recalls, times * epochs) for recalls in runs] for times in HORIZONS]
    by_best = [_kept_after_best(recalls, epoch) for recalls, epoch in zip(runs, best, strict=True)]
    by_warm = [kept(recalls, TIMES * epochs) for recalls in warm_runs]
    return [
        dataset_name(cell.dataset),
        BACKBONES[cell.backbone],
        METHODS[cell.denoiser],
        str(epochs),
        tables.spread([float(recalls[:epochs].max()) for recalls in runs]),
        ", ".join(map(str, best)) or tables.MISSING,
        *(_percent(values) for values in (*by_horizon, by_best, by_warm)),
        *of_run(results, cell),
    ]


def _kept_after_best(recalls, best):
    """Recall at five times an epoch over recall at that epoch; None where the run ends before."""
    return (
        float(recalls[TIMES * best - 1] / recalls[best - 1])
        if TIMES * best <= len(recalls) and best
        else None
    )


def _percent(values):
    """Mean and standard deviation over seeds, in percent."""
    known = [100 * value for value in values if value is not None]
    if not known:
        return tables.MISSING
    mean = f"{np.mean(known):.1f}"
    return f"{mean} ± {np.std(known, ddof=1):.1f} %" if len(known) > 1 else f"{mean} %"
