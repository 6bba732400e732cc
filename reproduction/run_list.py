"""The list of the runs behind the tables.

What each one reached, and the command that repeats it.
"""

import csv
import io

from deca_tf._files import write_atomically
from reproduction.targets import ORDER, TARGETS
from reproduction.targets.target import Scope

FIGURES = ("recall@20", "ndcg@20")


def write(results, path):
    """Writes a CSV with a line for each finished run of any target.

    Args:
        results: `Results`.
        path: of the file.

    Returns:
        The number of runs.
    """
    rows = [_row(cell, metrics) for cell in all_cells() for metrics in results.metrics(cell)]
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_atomically(path, text.getvalue())
    return len(rows)


def all_cells():
    """The cells of all targets, each once, by name."""
    cells = {}
    for name in ORDER:
        target = TARGETS.load(name)(name)
        for cell in target.all_cells(Scope(target.datasets, target.protocols)):
            cells[cell.name] = cell
    return [cells[name] for name in sorted(cells)]


def _row(cell, metrics):
    test, warm, train = metrics["test"], metrics.get("test_warm") or {}, metrics.get("train") or {}
    unmasked = metrics.get("test_unmasked") or {}
    return {
        "run": cell.name,
        "seed": metrics["seed"],
        **{name: f"{test[name]:.6f}" for name in FIGURES},
        **{f"warm_{name}": f"{warm[name]:.6f}" if name in warm else "" for name in FIGURES},
        **{
            f"unmasked_{name}": f"{unmasked[name]:.6f}" if name in unmasked else ""
            for name in FIGURES
        },
        "epochs": train.get("epochs", ""),
        "best_epoch": metrics.get("best_epoch") or "",
        "collapsed": metrics.get("collapsed") or "",
        "seconds": f"{train['wall_seconds']:.0f}" if "wall_seconds" in train else "",
        "command": cell.command(metrics["seed"], "runs/again"),
    }
