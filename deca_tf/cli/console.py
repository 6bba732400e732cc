"""What all commands share: the console, tables, and loading TensorFlow without its greetings."""

import contextlib
import os

from rich.console import Console
from rich.table import Table

console = Console()


def load_tensorflow(threads=None):
    """Imports TensorFlow with what its C++ libraries print while they load sent to nowhere.

    Args:
        threads: how many it may use; None: all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _muted(2):
        import tensorflow as tf
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


@contextlib.contextmanager
def _muted(descriptor):
    kept = os.dup(descriptor)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(nowhere)


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
