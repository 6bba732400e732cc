"""Evaluator: how well a model serves whom, and whether it may replace the last blessed one."""

import json
import os

from deca_tf._checks import check_choice
from deca_tf.reporting import slices
from deca_tf.runs.folder import RunFolder

from ..baseline import evaluate_beside
from ..step import Step
from .split import SHARDS
from .trainer import MODEL

EVALUATION, BLESSING = "evaluation", "blessing"
BLESSED, NOT_BLESSED = "BLESSED", "NOT_BLESSED"
METRICS, REPORT = "metrics.json", "report.md"
K = 20  # of the slices


class Evaluator(Step):
    """Evaluates on the test, beside popularity and the last blessed model, and blesses or does not.

    A model is blessed if it reaches the share of popularity that the settings ask for, and loses no
    more than the margin against the last blessed one. The two are compared on the same users, see
    `baseline`.
    """

    name = "Evaluator"
    inputs = (SHARDS, MODEL)
    outputs = (EVALUATION, BLESSING)

    def check(self, context):
        from deca_tf.evaluation import KS
        from deca_tf.metrics import METRICS as KINDS

        check_choice(
            "evaluator.metric",
            context.settings.evaluator.metric,
            [f"{kind}@{k}" for kind in KINDS for k in KS],
        )

    def settings(self, context, inputs):
        before = blessed_before(context.store, inputs[MODEL])
        return [context.settings.evaluator.model_dump(), before and before.inputs[MODEL]]

    def run(self, inputs, outputs, context):
        from deca_tf import evaluation
        from deca_tf.baselines import Popularity
        from deca_tf.runs.load import load_run

        settings, store = context.settings.evaluator, context.store
        stored, model, split = load_run(inputs[MODEL], data_dir=str(inputs[SHARDS]))
        evaluator = evaluation.Evaluator(split)
        found, popular = evaluator(model), evaluator(Popularity(split.train))
        before = blessed_before(store, inputs[MODEL])
        beside = before and evaluate_beside(model, split, store, before, settings.metric)
        conditions = conditions_of(found.metrics, popular.metrics, beside, settings)
        blessed = all(passed for passed, _ in conditions)
        tables = {
            name: slices(each, split.train, K)
            for name, each in (("model", found), ("popularity", popular))
        }
        whole = {
            "blessed": blessed,
            "conditions": [{"passed": passed, "text": text} for passed, text in conditions],
            "collapsed": stored["collapsed"],
            "test": found.metrics,
            "test_warm": found.warm,
            "test_popularity": popular.metrics,
            "slices": {
                name: json.loads(table.to_json(orient="records")) for name, table in tables.items()
            },
            "compared_with": beside,
        }
        (outputs[EVALUATION] / METRICS).write_text(
            json.dumps(whole, indent=2) + "\n", encoding="utf-8"
        )
        (outputs[EVALUATION] / REPORT).write_text(_report(whole, tables), encoding="utf-8")
        (outputs[BLESSING] / (BLESSED if blessed else NOT_BLESSED)).touch()
        return {"blessed": blessed, "why": " ".join(text for _, text in conditions)}


def blessed_before(store, model):
    """The `Execution` that blessed the last model before another; None if it is gone."""
    blessed = [each for each in store.executions(Evaluator.name) if each.notes["blessed"]]
    models = [each.inputs[MODEL] for each in blessed]
    this = os.path.relpath(model, store.root)
    earlier = blessed[: models.index(this)] if this in models else blessed
    there = [each for each in earlier if RunFolder(store.root / each.inputs[MODEL]).is_finished]
    return there[-1] if there else None


def conditions_of(metrics, popularity, beside, settings):
    """What a model must fulfil: `[(whether it does, a sentence with the figures)]`.

    Args:
        metrics, popularity: of the test, `{"recall@20": ...}`.
        beside: from `evaluate_beside`, or None.
        settings: `EvaluatorSettings`.
    """
    name = settings.metric
    least = settings.min_share_of_popularity * popularity[name]
    found = [
        (
            metrics[name] >= least,
            f"{name} must be at least {least:.4g}, {settings.min_share_of_popularity:.0%} of "
            "popularity's. Received: "
            f"{metrics[name]:.4g}.",
        )
    ]
    if beside is None:
        return [*found, (True, "There is no blessed model to compare with.")]
    if not beside["users"]:
        return [
            *found,
            (
                True,
                f"{beside['model']} shares no test pair with this one, so they are not compared.",
            ),
        ]
    least = beside["before"] * (1 - settings.margin)
    sentence = (
        f"{name} must be at least {least:.4g}, {1 - settings.margin:.0%} of what "
        f"{beside['model']}, blessed before, "
        f"reaches for the {beside['users']:,} users that both know. Received: {beside['now']:.4g}, "
        "a difference of "
        f"{beside['difference']:+.4g} (p = {beside['p_value']:.3f})."
    )
    return [*found, (beside["now"] >= least, sentence)]


def _report(whole, tables):
    """Markdown for people."""
    said = [
        f"- {'passed' if each['passed'] else 'FAILED'}: {each['text']}"
        for each in whole["conditions"]
    ]
    if whole["collapsed"] is not None:
        said.append(
            f"- beware: training has collapsed ({whole['collapsed']}), so its probabilities tell "
            "little."
        )
    model, popularity = tables["model"], tables["popularity"]
    names = [name for name in model.columns if "@" in name]
    lines = [
        f"# {'Blessed' if whole['blessed'] else 'Not blessed'}",
        "",
        *said,
        "",
        "| on the test | users | pairs | "
        f"{' | '.join(f'{name} | of popularity' for name in names)} |",
        f"|---|--:|--:|{'--:|' * 2 * len(names)}",
    ]
    for row, other in zip(model.to_dict("records"), popularity.to_dict("records"), strict=True):
        figures = [_figure(each[name]) for name in names for each in (row, other)]
        lines.append(
            f"| {row['slice']} | {row['users']:,} | {row['pairs']:,} | {' | '.join(figures)} |"
        )
    return "\n".join(
        [*lines, "", "Decile 1 holds the tenth of the items with the most clicks.", ""]
    )


def _figure(value):
    return "" if value != value else f"{value:.4f}"
