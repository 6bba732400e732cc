"""What all drawings share. Needs matplotlib, the extra `plots`."""

import contextlib

from deca_tf._extras import require_extra

DPI = 110


def require_matplotlib():
    """The package, or an ImportError that says how to get it."""
    require_extra("plots", "A figure", "matplotlib")
    import matplotlib

    return matplotlib


@contextlib.contextmanager
def drawing(path, columns=1, rows=1, width=3.2, height=3.0, **options):
    """A figure with panels, written to a file where the block ends.

    Args:
        path: PNG or SVG file to write.
        columns, rows: number of panels.
        width, height: of a panel, in inches.
        **options: of `matplotlib.pyplot.subplots`.

    Yields:
        The panels, `(rows, columns)` matplotlib axes.

    Raises:
        ImportError: matplotlib is not installed.
    """
    require_matplotlib().use("Agg")
    import matplotlib.pyplot as plt

    size = (width * columns, height * rows)
    figure, axes = plt.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", **options
    )
    try:
        yield axes
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=DPI)
    finally:
        plt.close(figure)
