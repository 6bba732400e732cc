"""What all commands share: the console, the table of a run's metrics, and the library's remarks."""

import logging
import sys

from rich.console import Console
from rich.table import Table

console = Console(
    markup=False, emoji=False
)  # ids and paths are printed as they are, whatever brackets they hold
_logger = logging.getLogger("deca_tf")


def print_metrics(metrics, title, ks=(5, 10, 20)):
    """Prints the test metrics of a run.

    All users, those with history, and the same users served by popularity.

    Args:
        metrics: the contents of `metrics.json`.
        title: above the table.
        ks: list lengths to show.
    """
    users, warm_users = metrics["evaluation"]["users"], metrics["evaluation"]["warm_users"]
    columns = {f"all {users:,} test users": metrics["test"]}
    if warm_users < users:
        columns[f"{warm_users:,} with history"] = metrics["test_warm"]
    if "test_popularity" in metrics:
        columns["most popular items"] = metrics["test_popularity"]
    table = Table("", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for name in ("recall", "ndcg", "precision", "mrr"):
        for k in ks:
            key = f"{name}@{k}"
            table.add_row(key, *(_figure(figures.get(key)) for figures in columns.values()))
    console.print(table)


def _figure(value):
    return "-" if value is None else f"{value:.4f}"


def say(text):
    """Prints a line as it is, however long."""
    console.print(text, highlight=False, soft_wrap=True)


def print_remarks(quiet):
    """Has the library's remarks printed.

    What was read goes to the output, what to look at to the errors.

    Args:
        quiet: print none.
    """
    for handler in [each for each in _logger.handlers if isinstance(each, _Remarks)]:
        _logger.removeHandler(handler)
    _logger.addHandler(_Remarks(logging.ERROR if quiet else logging.INFO))
    _logger.setLevel(logging.INFO)


class _Remarks(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            print(record.getMessage(), file=sys.stderr)
        else:
            say(record.getMessage())
