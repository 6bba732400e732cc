"""recall@20 against the epoch, mean over seeds."""

import numpy as np

from reproduction import plots
from reproduction.names import BACKBONES, METHODS, dataset_name
from reproduction.tables import Figure


def curve(histories, column):
    """Epochs, and the mean over seeds of a column at each, as far as all seeds went.

    Args:
        histories: data frames with one row per epoch.
        column: its name.

    Returns:
        `(epochs, means)`, arrays of one length, empty where no history has the column.
    """
    columns = [history[column].to_numpy() for history in histories if column in history]
    if not columns:
        return np.empty(0, int), np.empty(0)
    length = min(map(len, columns))
    return np.arange(1, length + 1), np.mean([values[:length] for values in columns], axis=0)


def draw(cells, results, path, column="val_recall@20"):
    """One panel per model, one line per method, on the noisy validation.

    Args:
        cells: list of `Cell`, all of one data set and protocol.
        results: `Results`.
        path: PNG or SVG file to write.
        column: of the history.

    Returns:
        A `Figure`, or None where no run has finished.

    Raises:
        ImportError: matplotlib is not installed.
    """
    models = {}
    for cell in cells:
        epochs, recalls = curve(results.histories(cell), column)
        if len(epochs):
            models.setdefault((cell.backbone, cell.overrides), []).append(
                (METHODS[cell.denoiser], epochs, recalls)
            )
    if not models:
        return None
    with plots.drawing(path, len(models), sharey=True) as axes:
        for axis, ((backbone, overrides), lines) in zip(axes[0], models.items(), strict=True):
            for method, epochs, recalls in lines:
                axis.plot(epochs, recalls, label=method)
            axis.set(
                title=BACKBONES[backbone] + (" with item bias" if overrides else ""), xlabel="epoch"
            )
            axis.grid(alpha=0.3)
        axes[0][0].set_ylabel("recall@20, noisy validation")
        axes[0][0].legend(frameon=False)
    return Figure(
        path,
        f"recall@20 on the noisy validation against the epoch, {dataset_name(cells[0].dataset)}",
    )
