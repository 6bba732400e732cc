"""Figures of a grid's results. Needs matplotlib, the extra `plots`."""

import csv

from deca_tf.reproduction.tables import METHODS
from deca_tf.run_folder import RunFolder


def learning_curves(cells, seeds, root, path):
    """Draws recall@20 on the noisy validation against the epoch, one panel per model, one line per method.

    Args:
        cells: list of `Cell`, all of one data set and protocol.
        seeds, root: of the grid.
        path: PNG or SVG file to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    require_matplotlib().use("Agg")
    import matplotlib.pyplot as plt

    models = list(dict.fromkeys((cell.backbone, cell.item_bias) for cell in cells))
    figure, axes = plt.subplots(1, len(models), figsize=(3.2 * len(models), 3), sharey=True, squeeze=False)
    for axis, model in zip(axes[0], models, strict=True):
        for cell in cells:
            if (cell.backbone, cell.item_bias) == model:
                epochs, recalls = _curve(cell, seeds, root)
                axis.plot(epochs, recalls, label=METHODS[cell.denoiser])
        axis.set(title=model[0].upper() + (" with item bias" if model[1] else ""), xlabel="epoch")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("recall@20, noisy validation")
    axes[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def require_matplotlib():
    """The package, or an ImportError that says how to get it."""
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            "Figures require matplotlib. Received: no such package. Run `pip install deca-tf[plots]`."
        ) from error
    return matplotlib


def _curve(cell, seeds, root):
    """Epochs, and the mean over seeds of recall@20 at each, as far as all seeds went."""
    runs = []
    for seed in seeds:
        with RunFolder(cell.folder(root, seed)).history_file.open(encoding="utf-8", newline="") as file:
            runs.append([float(row["val_recall@20"]) for row in csv.DictReader(file)])
    means = [sum(values) / len(runs) for values in zip(*runs, strict=False)]
    return range(1, len(means) + 1), means
