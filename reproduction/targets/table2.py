"""Table 2, overall performance.

Six methods, four models, three data sets, under either protocol.
"""

import statistics

from deca_tf.data import schema
from deca_tf.evaluation.significance import compare
from reproduction import paper_table, tables
from reproduction.grid import cells_of
from reproduction.names import (
    BACKBONES,
    OTHER_METHODS,
    OURS,
    PAPER_BACKBONES,
    PAPER_METHODS,
    dataset_name,
    short,
)
from reproduction.published import published
from reproduction.targets.clean import baseline_jobs, baseline_note, clean_table
from reproduction.targets.target import Target, collapsed_note, method_name, missing_note, notes

TESTED = ("recall@20", "ndcg@20")
COUNTED = ("none", *OURS)
SUMMARY = "table2-summary"


class Table2(Target):
    """Ours beside the paper's under 'paper'.

    Beside baselines that anyone would pick instead under 'clean'.
    """

    title = "Table 2: Normal, WBPR, T-CE, Ensemble, DeCA, DeCA(p) x GMF, NeuMF, CDAE, LightGCN"
    datasets = ("ml-100k", "modcloth", "adressa")
    protocols = (schema.PAPER, schema.CLEAN)
    default_protocols = protocols
    table = 2

    def cells(self, dataset, protocol):
        return cells_of(dataset, protocol, PAPER_BACKBONES, PAPER_METHODS)

    def places(self, scope):
        places = [
            self._place(dataset, protocol)
            for protocol in scope.protocols
            for dataset in scope.datasets
        ]
        return [*places, *([SUMMARY] if self._has_summary(scope) else [])]

    def _place(self, dataset, protocol):
        return f"{self.name}-{protocol}-{dataset}"

    def jobs(self, scope, seeds):
        return super().jobs(scope, seeds) + (
            baseline_jobs(scope.datasets) if schema.CLEAN in scope.protocols else []
        )

    def render(self, scope, results, figures):
        make = {schema.PAPER: self._paper, schema.CLEAN: self._clean}
        blocks = {
            self._place(dataset, protocol): make[protocol](dataset, results)
            for protocol in scope.protocols
            for dataset in scope.datasets
        }
        return blocks | (
            {SUMMARY: [summary(results, self.datasets)]} if self._has_summary(scope) else {}
        )

    def _has_summary(self, scope):
        return self.table == 2 and schema.PAPER in scope.protocols

    def _clean(self, dataset, results):
        stars = {}
        for backbone in PAPER_BACKBONES:
            cells = {
                cell.denoiser: cell
                for cell in cells_of(dataset, schema.CLEAN, (backbone,), PAPER_METHODS)
            }
            marks = significance_marks(results, cells)
            stars |= {cells[denoiser]: by_metric for denoiser, by_metric in marks.items()}
        cells = self.cells(dataset, schema.CLEAN)
        title = f"The methods of Table {self.table}, {dataset_name(dataset)}, protocol clean"
        return [
            clean_table(results, dataset, cells, title, stars),
            *notes(
                missing_note(results, cells),
                baseline_note(results, dataset),
                collapsed_note(results, cells),
            ),
            *significance_table(results, dataset, schema.CLEAN),
        ]

    def _paper(self, dataset, results):
        metrics = list(published(self.table, dataset, PAPER_BACKBONES[0], "none"))
        rows = []
        for backbone in PAPER_BACKBONES:
            cells = {
                cell.denoiser: cell
                for cell in cells_of(dataset, schema.PAPER, (backbone,), PAPER_METHODS)
            }
            stars = significance_marks(results, cells)
            for part, name, is_compared in paper_table.parts_of(backbone):
                for denoiser, cell in cells.items():
                    figures = (
                        published(self.table, dataset, backbone, denoiser) if is_compared else {}
                    )
                    labels = [name, method_name(denoiser)]
                    marks = stars.get(denoiser) if part == "test" else None
                    rows.append(
                        paper_table.row(results, labels, cell, metrics, figures, part, marks)
                    )
        cells = self.cells(dataset, schema.PAPER)
        head = paper_table.head(["model", "method"], metrics)
        return [
            tables.Table(
                head, rows, f"Table {self.table}, {dataset_name(dataset)}, protocol paper"
            ),
            *notes(
                within_sentence(self.table, [dataset], results),
                missing_note(results, cells),
                collapsed_note(results, cells),
            ),
            *significance_table(results, dataset, schema.PAPER),
        ]


def significance_marks(results, cells):
    """Marks of the paper's methods where they are significantly better, of one model.

    Args:
        results: `Results`.
        cells: `{denoiser: cell}`.

    Returns:
        `{denoiser: {metric: marks}}`.
    """
    marks = {}
    for denoiser, metric, tests in paired_tests(results, cells):
        text = tables.BETTER_THAN_NORMAL if "none" in tests and tests["none"].is_better else ""
        if "best" in tests and tests["best"][1].is_better:
            text += tables.BETTER_THAN_BASELINES
        marks.setdefault(denoiser, {})[metric] = text
    return marks


def paired_tests(results, cells):
    """DeCA and DeCA(p) against Normal, and against the best baseline once all of them have run.

    Yields:
        `(denoiser, metric, {"none": Comparison, "best": (baseline, Comparison)})`.
    """
    for denoiser in OURS:
        ours = results.per_user(cells[denoiser])
        if ours is None:
            continue
        for metric in TESTED:
            baselines = {name: results.mean(cells[name], metric) for name in OTHER_METHODS}
            baselines = {
                name: mean
                for name, mean in baselines.items()
                if mean is not None and results.per_user(cells[name]) is not None
            }
            tests = {}
            if "none" in baselines:
                tests["none"] = compare(ours[metric], results.per_user(cells["none"])[metric])
            if len(baselines) == len(OTHER_METHODS):  # of fewer, the best one may be missing
                best = max(baselines, key=baselines.get)
                tests["best"] = best, compare(ours[metric], results.per_user(cells[best])[metric])
            yield denoiser, metric, tests


def significance_table(results, dataset, protocol):
    """Differences and p-values behind the marks, folded.

    A list of one table, or none where nothing was tested.
    """
    rows = []
    for backbone in PAPER_BACKBONES:
        cells = {
            cell.denoiser: cell for cell in cells_of(dataset, protocol, (backbone,), PAPER_METHODS)
        }
        for denoiser, metric, tests in paired_tests(results, cells):
            against_normal = tests["none"].text if "none" in tests else tables.MISSING
            baseline, comparison = tests.get("best", ("none", None))
            against_best = comparison.text if comparison else tables.MISSING
            rows.append(
                [
                    BACKBONES[backbone],
                    method_name(denoiser),
                    short(metric),
                    against_normal,
                    f"{against_best} ({method_name(baseline)})" if comparison else against_best,
                ]
            )
    head = ["model", "method", "metric", "minus Normal", "minus the best baseline"]
    title = f"Differences and p-values, {dataset_name(dataset)}, protocol {protocol}"
    return [tables.Table(head, rows, title, folded=True)] if rows else []


def count_within(
    table, dataset, results, denoisers=COUNTED, metrics=TESTED, backbones=PAPER_BACKBONES
):
    """How many cells with a published figure are within it or above.

    Args:
        table: of the paper.
        dataset: its name.
        results: `Results`.
        denoisers: those counted.
        metrics: those counted; None: all that the table has.
        backbones: those counted.

    Returns:
        `(within or above, compared, published)`; what has no finished run is not compared.
    """
    good = compared = total = 0
    for cell in cells_of(dataset, schema.PAPER, backbones, denoisers):
        part = next(
            part for part, _, is_compared in paper_table.parts_of(cell.backbone) if is_compared
        )
        for metric, figure in published(table, dataset, cell.backbone, cell.denoiser).items():
            if metrics is not None and metric not in metrics:
                continue
            total += 1
            values = results.values(cell, metric, part)
            if values:
                compared += 1
                good += tables.mark(statistics.fmean(values), figure) != tables.BELOW
    return good, compared, total


def summary(results, datasets):
    """How many cells of each data set and model are within the bounds or above.

    Of three methods, and of all.

    It looks at all data sets, whichever are asked for.
    """
    rows, sums = [], {}
    for dataset in datasets:
        for backbone in PAPER_BACKBONES:
            few = count_within(2, dataset, results, backbones=(backbone,))
            everything = count_within(2, dataset, results, PAPER_METHODS, None, (backbone,))
            rows.append(
                [dataset_name(dataset), BACKBONES[backbone], _fraction(few), _fraction(everything)]
            )
            for key in (dataset, "all"):
                sums.setdefault(key, []).append((few, everything))
        rows.append([dataset_name(dataset), "all", *_sums(sums[dataset])])
    rows.append(["all", "all", *_sums(sums["all"])])
    head = ["data", "model", "Normal, DeCA, DeCA(p): R@20 and N@20", "all methods and metrics"]
    return tables.Table(
        head, rows, "Table 2: cells within max(2 std, 6 %) of the paper's, or above"
    )


def _sums(pairs):
    return [
        _fraction(tuple(map(sum, zip(*counts, strict=True)))) for counts in zip(*pairs, strict=True)
    ]


def _fraction(counts):
    good, compared, total = counts
    share = f" ({good / compared:.0%})" if compared else ""
    return f"{good} of {compared}{share}" + (
        f", {total - compared} not there yet" if compared < total else ""
    )


def within_sentence(table, datasets, results):
    """Says how many cells of Normal, DeCA and DeCA(p) are within the bounds or above."""
    few = [count_within(table, dataset, results) for dataset in datasets]
    everything = [
        count_within(table, dataset, results, PAPER_METHODS, None) for dataset in datasets
    ]
    good, compared, total = map(sum, zip(*few, strict=True))
    all_good, all_compared, all_total = map(sum, zip(*everything, strict=True))
    return (
        f"Within or above: {good} of {compared} cells of Normal, DeCA and DeCA(p), recall@20 and "
        f"ndcg@20{_of(compared, total)}.\n"
        f"Of all methods and metrics {all_good} of {all_compared} cells are"
        f"{_of(all_compared, all_total)}."
    )


def _of(compared, total):
    return (
        "" if compared == total else f" ({total - compared} more are published and not there yet)"
    )
