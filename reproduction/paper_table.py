"""Rows of ours beside the paper's, for the tables that compare."""

from reproduction import tables
from reproduction.names import BACKBONES, short
from reproduction.tables import num_runs

RUN_HEAD = ["seeds", "run"]
# The part of metrics.json that is evaluated as released: nothing left out of the ranking.
UNMASKED = "test_unmasked"


def head(labels, metrics):
    """Names of the columns of a table of `row`s."""
    return [*labels, *map(short, metrics), *RUN_HEAD]


def parts_of(backbone):
    """How a model is evaluated under 'paper'.

    `(part of metrics.json, name of the model, compared with the paper)`.

    CDAE is evaluated twice. The released code ranks what the user has seen as well, for CDAE alone,
    so only that compares.
    """
    name = BACKBONES[backbone]
    if backbone == "cdae":
        return (UNMASKED, f"{name} as released, nothing masked", True), ("test", name, False)
    return (("test", name, True),)


def row(results, labels, cell, metrics, figures, part="test", stars=None):
    """One row: labels, a field per metric, and the runs.

    Args:
        results: `Results`.
        labels: fields before the figures.
        cell: a `Cell`.
        metrics: names.
        figures: the paper's, `{metric: (mean, std or None)}`; may be empty.
        part: of `metrics.json`.
        stars: `{metric: marks of significance}`.
    """
    fields = [
        tables.beside_paper(
            results.values(cell, metric, part), figures.get(metric), (stars or {}).get(metric, "")
        )
        for metric in metrics
    ]
    return [*labels, *fields, *of_run(results, cell)]


def of_run(results, cell):
    """The last two fields of a row: how many seeds stand behind it, and the folder they are in."""
    return [num_runs(len(results.finished(cell)), len(results.seeds)), cell.name]
