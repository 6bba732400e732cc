"""What all commands share: the console, the table of a run's metrics, and what a user has set."""

from rich.console import Console
from rich.table import Table

console = Console(
    markup=False, emoji=False
)  # ids and paths are printed as they are, whatever brackets they hold


def print_metrics(metrics, title, ks=(5, 10, 20)):
    """Prints the test metrics of a run: all users, those with history, and the same users served by popularity.

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


def set_only(table):
    """A table without what the user left out."""
    cleaned = {
        key: set_only(value) if isinstance(value, dict) else value for key, value in table.items()
    }
    return {key: value for key, value in cleaned.items() if value is not None and value != {}}
