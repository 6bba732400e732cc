"""Table 3, one sub-task alone.

DeCA and DeCA(p) with only positives, or only negatives, taken for noise.
"""

from deca_tf.data import schema
from reproduction import paper_table, tables
from reproduction.grid import Cell
from reproduction.names import PAPER_BACKBONES, dataset_name
from reproduction.published import published
from reproduction.targets.target import Target, collapsed_note, method_name, missing_note, notes

# The table's name of a method, its denoiser, and what differs from that one's settings.
SUB_TASKS = {
    "deca-dp": ("deca-dp", ()),
    "deca-dn": ("deca-dn", ()),
    "deca": ("deca", ()),
    "deca-p-dp": ("deca-p", (("denoiser.phases", ("dp",)),)),
    "deca-p-dn": ("deca-p", (("denoiser.phases", ("dn",)),)),
    "deca-p": ("deca-p", ()),
}
METRICS = ("recall@5", "recall@20", "ndcg@5", "ndcg@20")


class Table3(Target):
    """Ours beside the paper's under 'paper'; ours alone under 'clean'."""

    title = "Table 3: DeCA and DeCA(p) with one sub-task alone, four models"
    datasets = ("modcloth",)
    protocols = (schema.PAPER, schema.CLEAN)

    def cells(self, dataset, protocol):
        return [
            cell
            for backbone in PAPER_BACKBONES
            for cell in _cells(dataset, protocol, backbone).values()
        ]

    def places(self, scope):
        return [f"{self.name}-{protocol}" for protocol in scope.protocols]

    def render(self, scope, results, figures):
        return {
            f"{self.name}-{protocol}": self._parts(dataset, protocol, results)
            for protocol in scope.protocols
            for dataset in scope.datasets
        }

    def _parts(self, dataset, protocol, results):
        rows = []
        for backbone in PAPER_BACKBONES:
            for part, name, is_compared in paper_table.parts_of(backbone):
                if protocol == schema.CLEAN and part != "test":
                    continue
                for method, cell in _cells(dataset, protocol, backbone).items():
                    is_compared = is_compared and protocol == schema.PAPER
                    figures = published(3, dataset, backbone, method) if is_compared else {}
                    labels = [name, method_name(method)]
                    rows.append(paper_table.row(results, labels, cell, METRICS, figures, part))
        head = paper_table.head(["model", "method"], METRICS)
        cells = self.cells(dataset, protocol)
        return [
            tables.Table(head, rows, f"Table 3, {dataset_name(dataset)}, protocol {protocol}"),
            *notes(missing_note(results, cells), collapsed_note(results, cells)),
        ]


def _cells(dataset, protocol, backbone):
    return {
        method: Cell(dataset, protocol, backbone, denoiser, overrides)
        for method, (denoiser, overrides) in SUB_TASKS.items()
    }
