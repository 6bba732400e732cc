"""What all commands share: the console and the table of a run's metrics."""

from rich.console import Console
from rich.table import Table

console = Console(markup=False, emoji=False)  # ids and paths are printed as they are, whatever brackets they hold


def print_metrics(metrics, title, ks=(5, 10, 20)):
    """Prints the test metrics of a run: all users beside those with history.

    Args:
        metrics: the contents of `metrics.json`.
        title: above the table.
        ks: list lengths to show.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column(f"all {metrics['evaluation']['users']:,} test users", justify="right")
    table.add_column(f"{metrics['evaluation']['warm_users']:,} with history", justify="right")
    for name in ("recall", "ndcg", "precision", "mrr"):
        for k in ks:
            key = f"{name}@{k}"
            table.add_row(key, _figure(metrics["test"][key]), _figure(metrics["test_warm"].get(key)))
    console.print(table)


def _figure(value):
    return "-" if value is None else f"{value:.4f}"
