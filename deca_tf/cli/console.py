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

    All users, those with history, and the same users served by popularity, of all times and of
    late. Of several cuts, each and their mean.

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
    if "test_decayed_popularity" in metrics:
        days = metrics["popularity_half_life"]
        columns[f"most popular, half-life {days:g} d"] = metrics["test_decayed_popularity"]
    table = Table("", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for name in ("recall", "ndcg", "precision", "mrr"):
        for k in ks:
            key = f"{name}@{k}"
            table.add_row(key, *(_figure(figures.get(key)) for figures in columns.values()))
    console.print(table)
    if "cuts" in metrics:
        _print_cuts(metrics)


def _print_cuts(metrics, names=("recall@20", "ndcg@20")):
    """Prints what each cut reached, beside popularity, and the mean."""
    of = {"test": "", "test_popularity": "popularity", "test_decayed_popularity": "of late"}
    of = {key: said for key, said in of.items() if key in metrics["mean"]}
    headings = [f"{name}{said and f', {said}'}" for name in names for said in of.values()]
    table = Table(
        "test until", "users", *headings, title="Each cut, and their mean", title_justify="left"
    )
    for cut in metrics["cuts"]:
        figures = [_figure(cut[key][name]) for name in names for key in of]
        until = cut["timeline"]["test_until"].replace("T", " ")
        table.add_row(until, f"{cut['evaluation']['users']:,}", *figures)
    table.add_row(
        "mean", "", *(_figure(metrics["mean"][key][name]) for name in names for key in of)
    )
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
