"""Tables 4 and 6: GMF by DeCA and DeCA(p) with other models for h and h'."""

from deca_tf.data import schema
from reproduction import electronics, paper_table, tables
from reproduction.grid import Cell
from reproduction.names import BACKBONES, OURS, dataset_name
from reproduction.published import NOISE_MODEL, published
from reproduction.targets.target import Target, collapsed_note, method_name, missing_note, notes

BACKBONE = "gmf"
NOISE_MODELS = ("mf", "gmf", "neumf")


class ModelSelection(Target):
    """Ours beside the paper's under 'paper'; ours alone under 'clean'."""

    protocols = (schema.PAPER, schema.CLEAN)
    table = None  # its number in the paper

    def cells(self, dataset, protocol):
        return [
            Cell(dataset, protocol, BACKBONE, "none"),
            *noise_model_cells(dataset, protocol, OURS).values(),
        ]

    def places(self, scope):
        return list(self._absent(scope)) + [
            f"{self.name}-{protocol}-{dataset}"
            for protocol in scope.protocols
            for dataset in scope.datasets
        ]

    def render(self, scope, results, figures):
        return self._absent(scope) | {
            f"{self.name}-{protocol}-{dataset}": self._parts(dataset, protocol, results)
            for protocol in scope.protocols
            for dataset in scope.datasets
        }

    def _absent(self, scope):
        """What stands where Electronics would."""
        return (
            {f"{self.name}-{schema.PAPER}-{electronics.NAME}": [scope.left_out]}
            if scope.left_out
            else {}
        )

    def _parts(self, dataset, protocol, results):
        metrics = list(published(self.table, dataset, BACKBONE, "none"))
        keyed = {("none", NOISE_MODEL): Cell(dataset, protocol, BACKBONE, "none")}
        keyed |= noise_model_cells(dataset, protocol, OURS)
        rows = []
        for (denoiser, noise_model), cell in keyed.items():
            key = (self.table, dataset, BACKBONE, denoiser, noise_model)
            figures = published(*key) if protocol == schema.PAPER else {}
            labels = [method_name(denoiser), "" if denoiser == "none" else BACKBONES[noise_model]]
            rows.append(paper_table.row(results, labels, cell, metrics, figures))
        head = paper_table.head(["method", "h and h'"], metrics)
        title = f"Table {self.table}, {dataset_name(dataset)}, {BACKBONES[BACKBONE]}, protocol {protocol}"
        cells = list(keyed.values())
        return [
            tables.Table(head, rows, title),
            *notes(missing_note(results, cells), collapsed_note(results, cells)),
        ]


def noise_model_cells(dataset, protocol, denoisers, noise_models=NOISE_MODELS):
    """`{(denoiser, noise model): cell}` of GMF.

    The default noise model is the recipe's own cell.
    """
    return {
        (denoiser, model): Cell(
            dataset,
            protocol,
            BACKBONE,
            denoiser,
            () if model == NOISE_MODEL else (("denoiser.noise_model", model),),
        )
        for denoiser in denoisers
        for model in noise_models
    }
