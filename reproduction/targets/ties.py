"""What the order of equal scores does on ModCloth, whose table it decides."""

from deca_tf.data import schema
from reproduction import derived, tables
from reproduction.grid import cells_of
from reproduction.names import METHODS, OURS, dataset_name
from reproduction.paper_table import RUN_HEAD, of_run
from reproduction.targets.target import Target, missing_note, notes
from reproduction.tie_order import ORDERS, recall_by_tie_order


class Ties(Target):
    """The same weights of GMF, evaluated with ties in other orders of the item ids."""

    title = "Ties: recall@20 of the same GMF weights under three orders of equal scores, ModCloth"
    datasets = ("modcloth",)

    def cells(self, dataset, protocol):
        return cells_of(dataset, protocol, ("gmf",), ("none", *OURS))

    def places(self, scope):
        return [self.name]

    def render(self, scope, results, figures):
        rows, cells = [], self.all_cells(scope)
        for cell in cells:
            found = derived.of_cell(results, "tie-order", cell, recall_by_tie_order).values()
            recalls = [tables.spread([finding[order] for finding in found]) for order in ORDERS]
            warm = tables.spread(results.values(cell, "recall@20", "test_warm"))
            rows.append([METHODS[cell.denoiser], *recalls, warm, *of_run(results, cell)])
        head = ["method", *ORDERS, "warm users", *RUN_HEAD]
        title = f"Recall@20 of GMF by the order of ties, {dataset_name('modcloth')}, protocol {schema.PAPER}"
        return {self.name: [tables.Table(head, rows, title), *notes(missing_note(results, cells))]}
