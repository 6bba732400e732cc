"""The leak-free comparison: Normal, DeCA and `deca-limit` beside what anyone would pick instead."""

from deca_tf.data import schema
from deca_tf.evaluation.significance import compare
from reproduction import learning_curves, tables
from reproduction.baseline_runs import BaselineRun
from reproduction.grid import Cell
from reproduction.names import BACKBONES, BASELINES, dataset_name, short
from reproduction.paper_table import RUN_HEAD, of_run
from reproduction.targets.target import Target, collapsed_note, method_name, missing_note, notes

BIAS = (("backbone.item_bias", True),)
HEAD = ["model", "method", "R@20", "N@20", "R@20, warm users", "N@20, warm users"]
MODELS = (
    ("mf", ()),
    ("mf", BIAS),
    ("gmf", ()),
    ("gmf", BIAS),
    ("neumf", ()),
    ("cdae", ()),
    ("lightgcn", ()),
)
METHODS = ("none", "deca", "deca-limit")
TESTED = ("recall@20", "ndcg@20")
DIFFERENCE = {name: method_name(name) for name in METHODS} | BASELINES


class Clean(Target):
    """Protocol 'clean': what a user would get."""

    title = "Protocol clean: every model with Normal, DeCA and deca-limit, MF and GMF with item bias too, and baselines"
    datasets = ("ml-100k", "modcloth", "adressa")
    also = ("synthetic",)
    protocols = (schema.CLEAN,)
    default_protocols = protocols
    draws = True

    def cells(self, dataset, protocol):
        models = (
            MODELS if dataset in self.datasets else (("mf", ()),)
        )  # the recipe of 'synthetic' is for MF alone
        return [
            Cell(dataset, protocol, backbone, denoiser, overrides)
            for backbone, overrides in models
            for denoiser in METHODS
        ]

    def jobs(self, scope, seeds):
        return super().jobs(scope, seeds) + baseline_jobs(scope.datasets)

    def places(self, scope):
        return [f"{self.name}-{dataset}" for dataset in scope.datasets]

    def render(self, scope, results, figures):
        blocks = {}
        for dataset in scope.datasets:
            cells = self.cells(dataset, schema.CLEAN)
            title = f"Protocol clean, {dataset_name(dataset)}"
            path = figures / f"learning_curves_{dataset}.png"
            factorized = [cell for cell in cells if cell.backbone in ("mf", "gmf")]
            drawn = learning_curves.draw(factorized, results, path)
            blocks[f"{self.name}-{dataset}"] = [
                clean_table(results, dataset, cells, title),
                *notes(
                    missing_note(results, cells),
                    baseline_note(results, dataset),
                    collapsed_note(results, cells),
                ),
                *difference_table(results, dataset, cells),
                *([drawn] if drawn else []),
            ]
        return blocks


def difference_table(results, dataset, cells):
    """What DeCA is worth to each model.

    Beside Normal, without its agreement and noise models, beside no model at all.

    Returns:
        A list of one table, or of none where nothing can be compared yet.
    """
    others = {
        name: results.baseline_per_user(BaselineRun(dataset, name))
        for name in ("popularity", "ease")
    }
    models = {}
    for cell in cells:
        models.setdefault(model_name(cell), dict(others))[cell.denoiser] = results.per_user(cell)
    pairs = (
        ("deca", "none"),
        ("deca", "deca-limit"),
        ("deca-limit", "none"),
        ("deca", "popularity"),
        ("deca", "ease"),
    )
    rows = []
    for model, found in models.items():
        for metric in TESTED:
            texts = [
                tables.MISSING
                if found[first] is None or found[second] is None
                else compare(found[first][metric], found[second][metric]).text
                for first, second in pairs
            ]
            if set(texts) != {tables.MISSING}:
                rows.append([model, short(metric), *texts])
    head = [
        "model",
        "metric",
        *(f"{DIFFERENCE[first]} minus {DIFFERENCE[second]}" for first, second in pairs),
    ]
    return (
        [tables.Table(head, rows, f"Differences and p-values, {dataset_name(dataset)}")]
        if rows
        else []
    )


def baseline_jobs(datasets):
    """One of each baseline for each data set."""
    return [BaselineRun(dataset, baseline) for dataset in datasets for baseline in BASELINES]


def clean_table(results, dataset, cells, title, stars=None):
    """Baselines, then cells, by recall and ndcg of all test users and of those with history.

    Args:
        results: `Results`.
        dataset: its name.
        cells: list of `Cell`, all under 'clean'.
        title: of the table.
        stars: `{cell: {metric: marks}}` of significance.
    """
    rows = [_baseline_row(results, BaselineRun(dataset, baseline)) for baseline in BASELINES]
    for cell in cells:
        marks = (stars or {}).get(cell, {})
        values = [
            tables.beside_paper(
                results.values(cell, metric, part),
                None,
                marks.get(metric, "") if part == "test" else "",
            )
            for part in ("test", "test_warm")
            for metric in ("recall@20", "ndcg@20")
        ]
        kept = (
            ", ".join(str(metrics["best_epoch"]) for metrics in results.metrics(cell))
            or tables.MISSING
        )
        rows.append(
            [model_name(cell), method_name(cell.denoiser), *values, kept, *of_run(results, cell)]
        )
    return tables.Table([*HEAD, "epochs kept", *RUN_HEAD], rows, title)


def baseline_note(results, dataset):
    """A sentence on baselines that have no results yet, or ''."""
    lacking = [
        job
        for job in (BaselineRun(dataset, name) for name in BASELINES)
        if not job.is_finished(results.root)
    ]
    named = ", ".join(BASELINES[job.baseline] for job in lacking)
    return f"Baselines not finished: {named}." if lacking else ""


def model_name(cell):
    """A cell's model, its bias included."""
    bias = " with item bias" if dict(cell.overrides).get("backbone.item_bias") else ""
    return BACKBONES.get(cell.backbone, cell.backbone) + bias


def _baseline_row(results, job):
    found = job.read(results.root)
    figures = [
        f"{found[part][metric]:.4f}" if found and metric in found[part] else tables.MISSING
        for part in ("test", "test_warm")
        for metric in ("recall@20", "ndcg@20")
    ]
    settings = (
        ", ".join(f"{key} {value:g}" for key, value in found["settings"].items()) if found else ""
    )
    return [
        BASELINES[job.baseline],
        settings,
        *figures,
        "",
        "1" if found else tables.MISSING,
        job.name,
    ]
