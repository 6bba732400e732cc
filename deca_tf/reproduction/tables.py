"""Tables of a grid's results, as Markdown: mean and standard deviation over seeds."""

import pathlib
import re
import statistics

from deca_tf.reproduction.published import TABLE_2_GMF, TOLERANCE
from deca_tf.run_folder import RunFolder

METHODS = {"none": "Normal", "deca": "DeCA", "deca-p": "DeCA(p)", "linear": "linear"}


def paper_table(cells, seeds, root):
    """Protocol 'paper': our figures beside the published ones."""
    rows = []
    for cell in cells:
        if cell.protocol != "paper":
            continue
        runs = [RunFolder(cell.folder(root, seed)).read_metrics() for seed in seeds]
        published, allowed = TABLE_2_GMF[cell.dataset, cell.denoiser], TOLERANCE[cell.dataset]
        ours = [[run["test"][name] for run in runs] for name in ("recall@20", "ndcg@20")]
        apart = [statistics.fmean(values) - theirs for values, theirs in zip(ours, published, strict=True)]
        within = all(abs(value) <= bound for value, bound in zip(apart, allowed, strict=True))
        rows.append(
            [
                cell.dataset,
                METHODS[cell.denoiser],
                *(spread(values) for values in ours),
                *(f"{value:.3f}" for value in published),
                "yes" if within else "no",
                spread([run["test_warm"]["recall@20"] for run in runs]),
            ]
        )
    head = ["data", "method", "recall@20", "ndcg@20", "paper R@20", "paper N@20", "within", "warm users' R@20"]
    return markdown(head, rows)


def clean_table(cells, seeds, root, popularity):
    """Protocol 'clean': every method beside popularity.

    Args:
        cells, seeds, root: of the grid.
        popularity: `{dataset: Evaluation}` of the popularity ranking.
    """
    rows = []
    for dataset in dict.fromkeys(cell.dataset for cell in cells):
        judged = popularity[dataset]
        figures = [judged.metrics["recall@20"], judged.metrics["ndcg@20"], judged.warm["recall@20"]]
        rows.append([dataset, "popularity", "", "", *(f"{value:.4f}" for value in figures), ""])
        for cell in cells:
            if (cell.dataset, cell.protocol) != (dataset, "clean"):
                continue
            runs = [RunFolder(cell.folder(root, seed)).read_metrics() for seed in seeds]
            rows.append(
                [
                    dataset,
                    cell.backbone.upper(),
                    "yes" if cell.item_bias else "no",
                    METHODS[cell.denoiser],
                    spread([run["test"]["recall@20"] for run in runs]),
                    spread([run["test"]["ndcg@20"] for run in runs]),
                    spread([run["test_warm"]["recall@20"] for run in runs]),
                    ", ".join(str(run["best_epoch"]) for run in runs),
                ]
            )
    head = ["data", "model", "item bias", "method", "recall@20", "ndcg@20", "warm users' R@20", "epochs kept"]
    return markdown(head, rows)


def ties_table(recalls):
    """What the order of ties does to unchanged weights.

    Args:
        recalls: `{method: {order: [recall@20 of each seed]}}`.
    """
    orders = list(next(iter(recalls.values())))
    rows = [[METHODS[method], *(spread(by_order[order]) for order in orders)] for method, by_order in recalls.items()]
    return markdown(["method", *orders], rows)


def spread(values):
    """Mean and standard deviation over seeds."""
    if len(values) == 1:
        return f"{values[0]:.4f}"
    return f"{statistics.fmean(values):.4f} ± {statistics.stdev(values):.4f}"


def markdown(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(str(field) for field in row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def fill_in(path, blocks):
    """Replaces what stands between `<!-- begin NAME -->` and `<!-- end NAME -->` in a Markdown file.

    Raises:
        ValueError: a block has no place in the file.
    """
    text = check_places(path, blocks)
    for name, content in blocks.items():
        text = _place(name).sub(lambda match, content=content: f"{match[1]}{content}\n{match[2]}", text)
    pathlib.Path(path).write_text(text, encoding="utf-8")


def check_places(path, names):
    """The text of a Markdown file, refused if a block has no place in it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a block has no place in the file.
    """
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"`document` must be an existing Markdown file. Received: {str(path)!r}.")
    text = pathlib.Path(path).read_text(encoding="utf-8")
    for name in names:
        if not _place(name).search(text):
            raise ValueError(f"`{path}` must have a place for {name!r}: <!-- begin {name} --> and <!-- end {name} -->.")
    return text


def _place(name):
    return re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
