"""The paper's numbers, to compare with.

Tables 2 to 6, as they are printed, in the files of `published/`.

Differs: Table 6 heads MovieLens R@5 and N@5 but holds Table 2's R@3 and N@3; they are called @3
here.
"""

import functools
import pathlib
import tomllib

from deca_tf._checks import check_choice

TABLES = (2, 3, 4, 5, 6)
NOISE_MODEL = "mf"  # of h and h', "without special mention" (Section 3.1)


def published(table, dataset, backbone, denoiser, noise_model=NOISE_MODEL):
    """One row of a table, for one backbone.

    Args:
        table: 2 (overall), 3 (one sub-task alone), 4 (other models for h and h'), 5 (overall,
            Electronics) or 6 (as 4, other data sets).
        dataset: 'ml-100k', 'modcloth', 'adressa' or 'electronics'.
        backbone: 'gmf', 'neumf', 'cdae' or 'lightgcn'.
        denoiser: name of a denoiser, 'none' being Normal; 'deca-p-dp' and 'deca-p-dn' are DeCA(p)
            with one sub-task.
        noise_model: backbone of h and h'; others than 'mf' are in Tables 4 and 6 only.

    Returns:
        `{"recall@20": (mean, std), ...}`, four metrics in the table's order and with its lengths of
        list. The standard deviation is over three runs, None in Tables 3, 4 and 6, which have none.

    Raises:
        ValueError: the table has no such row.

    Example:
        >>> published(2, "ml-100k", "gmf", "deca")["recall@20"]
        (0.109, 0.007)
    """
    rows = _rows(check_choice("table", table, TABLES))
    asked = {
        "dataset": dataset,
        "backbone": backbone,
        "denoiser": denoiser,
        "noise_model": noise_model,
    }
    found = list(rows)
    for position, (argument, value) in enumerate(asked.items()):
        check_choice(argument, value, dict.fromkeys(row[position] for row in found))
        found = [row for row in found if row[position] == value]
    return dict(rows[found[0]])


def published_rows(table):
    """All rows of a table: a list of `(dataset, backbone, denoiser, noise_model)`, in its order.

    Raises:
        ValueError: no such table.
    """
    return list(_rows(check_choice("table", table, TABLES)))


@functools.cache
def _rows(table):
    """`{(dataset, backbone, denoiser, noise_model): {metric: (mean, std)}}`."""
    file = pathlib.Path(__file__).with_name("published") / f"table_{table}.toml"
    rows = {}
    for dataset, content in tomllib.loads(file.read_text(encoding="utf-8")).items():
        metrics = content.pop("columns").split()
        for backbone, methods in content.items():
            for denoiser, cells in methods.items():
                by_noise_model = cells if isinstance(cells, dict) else {NOISE_MODEL: cells}
                for noise_model, text in by_noise_model.items():
                    figures = (_mean_and_std(cell) for cell in text.split())
                    rows[dataset, backbone, denoiser, noise_model] = dict(
                        zip(metrics, figures, strict=True)
                    )
    return rows


def _mean_and_std(cell):
    mean, has_std, std = cell.partition("±")
    return float(mean), float(std) if has_std else None
