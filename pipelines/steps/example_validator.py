"""ExampleValidator: stops what would poison a model, and says why."""

import math
import os

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from deca_tf._files import write_atomically

from ..sketch import Distinct
from ..step import PipelineStopped, Step
from .schema_gen import NAMES, SCHEMA, TYPES, read_schema
from .statistics_gen import STATISTICS, read_statistics

ANOMALIES = "anomalies"
FILE, REPORT = "anomalies.pbtxt", "report.md"
STOPPED = "stopped.md"  # the last report that stopped a run
ROW = "the log"  # what anomalies are filed under that belong to no column


class ExampleValidator(Step):
    """Compares a span with the schema, the limits of the settings and the last accepted span."""

    name = "ExampleValidator"
    inputs = ("statistics", "schema")
    outputs = (ANOMALIES,)

    def settings(self, context, inputs):
        before = span_before(context.store, inputs[STATISTICS])
        columns = context.settings.input.columns_by_name()
        return [context.settings.validation.model_dump(), columns, before and str(before)]

    def run(self, inputs, outputs, context):
        statistics, feedback = read_statistics(inputs[STATISTICS])
        limits = context.settings.validation
        found = against_columns(statistics, context.settings.input.columns_by_name())
        found += against_schema(statistics, read_schema(inputs[SCHEMA])) + against_limits(
            feedback, limits
        )
        before = span_before(context.store, inputs[STATISTICS])
        if before is not None:
            found += against_span(feedback, read_statistics(context.store.root / before)[1], limits)
        if found:
            kept = context.store.root / self.name / STOPPED
            write_atomically(kept, report(found))
            raise PipelineStopped(
                f"{report(found)}\nNothing was passed on. The report is in {kept}."
            )
        (outputs[ANOMALIES] / FILE).write_text(
            text_format.MessageToString(to_proto(found)), encoding="utf-8"
        )
        (outputs[ANOMALIES] / REPORT).write_text(report(found), encoding="utf-8")
        return {"anomalies": 0, "compared with": before}


def span_before(store, statistics):
    """Relative path of the statistics that were accepted last before some others, or None."""
    accepted = [each.inputs[STATISTICS] for each in store.executions(ExampleValidator.name)]
    this = os.path.relpath(statistics, store.root)
    earlier = accepted[: accepted.index(this)] if this in accepted else accepted
    return earlier[-1] if earlier else None


def against_columns(statistics, columns):
    """Columns that the settings name and no row has a value of, as `against_schema`.

    None of a log without rows.

    Args:
        statistics: of the span.
        columns: `{name in deca_tf: name in the log}`.
    """
    counts = {
        each.path.step[0]: (
            each.string_stats if each.type == NAMES.STRING else each.num_stats
        ).common_stats.num_non_missing
        for each in statistics.features
    }
    known = ", ".join(sorted(name for name, count in counts.items() if count))
    return [
        (
            column,
            "missing column",
            f"`[input]` names it for the {name}, and no row has it. Received: {known}.",
        )
        for name, column in columns.items()
        if counts and not counts.get(column)
    ]


def against_schema(statistics, schema):
    """Anomalies of columns: `[(column, what it is in short, a sentence)]`."""
    expected = {feature.name: feature for feature in schema.feature}
    seen, found = set(), []
    for each in statistics.features:
        name = each.path.step[0]
        seen.add(name)
        if name not in expected:
            found.append((name, "new column", "It is not in the schema."))
            continue
        is_text = each.type == NAMES.STRING
        stats = each.string_stats if is_text else each.num_stats
        common, wanted = stats.common_stats, expected[name]
        if not _fits(TYPES[each.type], wanted.type):
            shown = ", ".join(repr(value.value) for value in stats.top_values) if is_text else ""
            found.append(
                (
                    name,
                    "wrong type",
                    f"It must be {schema_pb2.FeatureType.Name(wanted.type)}. Received: "
                    f"{schema_pb2.FeatureType.Name(TYPES[each.type])}{', such as ' + shown if shown else ''}.",
                )
            )
        present = common.num_non_missing / max(1, common.num_non_missing + common.num_missing)
        if (
            present < wanted.presence.min_fraction
            or common.num_non_missing < wanted.presence.min_count
        ):
            found.append(
                (
                    name,
                    "missing values",
                    f"At least {wanted.presence.min_fraction:.0%} of the rows must have one. "
                    f"Received: {present:.2%}.",
                )
            )
    for name, feature in expected.items():
        if name not in seen and feature.presence.min_count:
            found.append((name, "missing column", "The schema has it, and no row does."))
    return found


def against_limits(feedback, limits):
    """Anomalies of a span by itself, as `against_schema`."""
    rows = max(1, feedback["rows"])
    found = [] if feedback["rows"] else [(ROW, "no rows", "There must be some. Received: none.")]
    for what, count, limit, sentence in (
        (
            "incomplete rows",
            "incomplete_rows",
            limits.max_missing,
            "rows without a user or an item",
        ),
        ("repeated pairs", "duplicates", limits.max_duplicates, "rows that repeat an earlier pair"),
        (
            "bots",
            "bot_rows",
            limits.max_bot_rows,
            f"rows by users with {limits.burst} clicks and more within an hour",
        ),
    ):
        share = feedback[count] / rows
        if share > limit:
            found.append(
                (
                    ROW,
                    what,
                    f"At most {limit:.2%} may be {sentence}. Received: {share:.2%}, "
                    f"{feedback[count]:,} rows.",
                )
            )
    return found


def against_span(feedback, earlier, limits):
    """Anomalies of a span beside the one before, as `against_schema`."""
    found = []
    ratio = feedback["rows"] / max(1, earlier["rows"])
    if not limits.min_rows <= ratio <= limits.max_rows:
        found.append(
            (
                ROW,
                "number of rows",
                f"There must be {limits.min_rows:g} to {limits.max_rows:g} times as many rows as "
                "in the span before, "
                f"{earlier['rows']:,}. Received: {feedback['rows']:,}, {ratio:.2f} times.",
            )
        )
    for what, least in (("users", limits.min_known_users), ("items", limits.min_known_items)):
        share = Distinct(feedback[f"known_{what}"]).share_in(Distinct(earlier[f"known_{what}"]))
        if share < least:
            found.append(
                (
                    ROW,
                    f"unknown {what}",
                    f"At least {least:.0%} of the {what} must be known from the span before. "
                    f"Received: {share:.2%}. "
                    "Have their ids changed?",
                )
            )
    drift = divergence(feedback["item_clicks_by_degree"], earlier["item_clicks_by_degree"])
    if drift > limits.max_popularity_drift:
        found.append(
            (
                ROW,
                "popularity",
                "Clicks may move between popular and rare items by "
                f"{limits.max_popularity_drift:g} bits. Received: "
                f"{drift:.2f} (Jensen-Shannon divergence).",
            )
        )
    return found


def divergence(first, second):
    """Jensen-Shannon divergence of two distributions `{key: share}`, in bits, 0 to 1."""
    total = 0.0
    for key in {*first, *second}:
        p, q = first.get(key, 0.0), second.get(key, 0.0)
        middle = (p + q) / 2
        total += sum(0.5 * share * math.log2(share / middle) for share in (p, q) if share)
    return max(0.0, total)


def to_proto(found):
    """`Anomalies` of what was found."""
    anomalies = anomalies_pb2.Anomalies()
    for place, what, sentence in found:
        info = anomalies.anomaly_info[place]
        info.severity = anomalies_pb2.AnomalyInfo.ERROR
        info.reason.add(short_description=what, description=sentence)
    return anomalies


def report(found):
    """Markdown for people."""
    if not found:
        return "# No anomalies\n"
    rows = [f"| {place} | {what} | {sentence} |" for place, what, sentence in found]
    many = f"{len(found)} anomalies" if len(found) > 1 else "1 anomaly"
    return "\n".join([f"# {many}", "", "| where | what | |", "|---|---|---|", *rows, ""])


def _fits(received, wanted):
    return received == wanted or (received, wanted) == (schema_pb2.INT, schema_pb2.FLOAT)
