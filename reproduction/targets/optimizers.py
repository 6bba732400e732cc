"""What an optimizer of the batch's rows costs in quality.

`lazy-adam` beside the recipes' `adam`.
"""

from deca_tf.data import schema
from deca_tf.evaluation.significance import compare
from reproduction import tables
from reproduction.grid import Cell
from reproduction.names import BACKBONES, METHODS, dataset_name
from reproduction.paper_table import of_run
from reproduction.targets.target import Target, missing_note, notes

LAZY = ("training.optimizer", "lazy-adam")
METRIC = "recall@20"


class Optimizers(Target):
    """The recipes' runs, and the same under `LazyAdam`; nothing is tuned anew.

    Under 'paper' the order of equal scores would be compared as well: dense Adam's L2 drives the
    rows of users without history to zero, so that all their items tie, and `LazyAdam` leaves them
    as they began.
    """

    title = "Adam and LazyAdam: recall@20 of GMF and NeuMF at the recipes' settings"
    datasets = ("ml-100k", "modcloth", "adressa")
    protocols = (schema.PAPER, schema.CLEAN)
    default_protocols = (schema.CLEAN,)

    def cells(self, dataset, protocol):
        return [cell for pair in _pairs(dataset, protocol) for cell in pair]

    def places(self, scope):
        return [f"{self.name}-{protocol}" for protocol in scope.protocols]

    def render(self, scope, results, figures):
        head = ["data", "model", "method", "`adam`", "`lazy-adam`", "difference", "seeds", "run"]
        blocks = {}
        for protocol in scope.protocols:
            pairs = [pair for dataset in scope.datasets for pair in _pairs(dataset, protocol)]
            rows = [_row(results, *pair) for pair in pairs]
            title = f"{METRIC} under Adam and under LazyAdam, protocol {protocol}"
            missing = missing_note(results, [cell for pair in pairs for cell in pair])
            blocks[f"{self.name}-{protocol}"] = [tables.Table(head, rows, title), *notes(missing)]
        return blocks


def _pairs(dataset, protocol):
    """Each recipe's cell, and that of the other optimizer."""
    return [
        tuple(Cell(dataset, protocol, backbone, denoiser, overrides) for overrides in ((), (LAZY,)))
        for backbone in ("gmf", "neumf")
        for denoiser in ("none", "deca")
    ]


def _row(results, dense, lazy):
    before, after = (results.per_user(cell) for cell in (dense, lazy))
    is_known = before is not None and after is not None
    return [
        dataset_name(dense.dataset),
        BACKBONES[dense.backbone],
        METHODS[dense.denoiser],
        *(tables.spread(results.values(cell, METRIC)) for cell in (dense, lazy)),
        compare(after[METRIC], before[METRIC]).text if is_known else tables.MISSING,
        *of_run(results, lazy),
    ]
