"""StatisticsGen: what a log is like, column by column, and as implicit feedback."""

import json

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute
from tensorflow_metadata.proto.v0 import statistics_pb2

from .. import examples
from ..sketch import Distinct
from ..statistics import to_feedback, to_proto
from ..step import Step

STATISTICS = "statistics"
PROTO, FEEDBACK = "FeatureStats.pb", "feedback.json"
BUCKETS = 256  # of users, and of items: what one worker holds at once is a log over so many
HOUR = 3600
SHOWN = 5  # example values of a column


class StatisticsGen(Step):
    """Counts in two passes: columns by batches, then users and items by buckets of their hashes.

    All numbers are exact but those of distinct ids over `sketch.SIZE`, which are estimates.
    """

    name = "StatisticsGen"
    inputs = ("examples",)
    outputs = (STATISTICS,)

    def settings(self, context, inputs):
        given = context.settings.input
        return [
            given.user_column,
            given.item_column,
            given.timestamp_column,
            context.settings.validation.burst,
        ]

    def run(self, inputs, outputs, context):
        given, burst = context.settings.input, context.settings.validation.burst
        folder = outputs[STATISTICS]
        columns = given.user_column, given.item_column, given.timestamp_column
        pipeline = beam.Pipeline(options=context.options)
        batches = examples.read(pipeline, inputs["examples"])
        by_column = batches | "columns" >> beam.Map(describe) | beam.CombineGlobally(merge)
        clicks = batches | "clicks" >> beam.Map(_clicks, columns)
        users = clicks | "cut by user" >> beam.FlatMap(_cut, 0) | "users" >> beam.GroupByKey()
        users = (
            users
            | "count users" >> beam.Map(count_users, burst)
            | "all users" >> beam.CombineGlobally(_add)
        )
        items = clicks | "cut by item" >> beam.FlatMap(_cut, 1) | "items" >> beam.GroupByKey()
        items = (
            items
            | "count items" >> beam.Map(count_items)
            | "all items" >> beam.CombineGlobally(_add)
        )
        (
            (by_column, users, items)
            | beam.Flatten()
            | beam.combiners.ToList()
            | beam.Map(lambda parts: json.dumps([_plain(part) for part in parts]))
            | beam.io.WriteToText(str(folder / "parts"), shard_name_template="")
        )
        rows = examples.run_and_count(pipeline)
        found = {}
        for part in json.loads((folder / "parts").read_text(encoding="utf-8")):
            found |= part
        (folder / "parts").unlink()
        (folder / PROTO).write_bytes(to_proto(found.get("columns", {}), rows).SerializeToString())
        feedback = to_feedback(found, rows)
        (folder / FEEDBACK).write_text(json.dumps(feedback, indent=2) + "\n", encoding="utf-8")
        return {
            "rows": rows,
            **{name: feedback[name] for name in ("users", "items", "duplicates", "bot_rows")},
        }


def read_statistics(folder):
    """What the step has written: `(dataset statistics, feedback)`, a proto and a dict."""
    found = statistics_pb2.DatasetFeatureStatisticsList.FromString((folder / PROTO).read_bytes())
    return found.datasets[0], json.loads((folder / FEEDBACK).read_text(encoding="utf-8"))


# Columns


def describe(batch):
    """What one batch says of each column: `{"columns": {name: counts}}`."""
    examples.ROWS.inc(batch.num_rows)
    found = {}
    for name in batch.schema.names:
        values = examples.flat(batch, name)
        present = values.drop_null()
        found[name] = {
            "kinds": {} if not len(present) else {_kind(values.type): len(present)},
            "present": len(present),
            "missing": len(values) - len(present),
            **(_numbers(present) if _is_number(values.type) else _texts(present)),
        }
    return {"columns": found}


def _kind(arrow):
    return (
        "INT"
        if pa.types.is_integer(arrow)
        else "FLOAT"
        if pa.types.is_floating(arrow)
        else "STRING"
    )


def _is_number(arrow):
    return pa.types.is_integer(arrow) or pa.types.is_floating(arrow)


def _numbers(values):
    if not len(values):
        return {}
    numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return {
        "sum": float(numbers.sum()),
        "squares": float(np.square(numbers).sum()),
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "zeros": int((numbers == 0).sum()),
    }


def _texts(values):
    if not len(values):
        return {}
    return {
        "length": float(pa.compute.sum(pa.compute.binary_length(values)).as_py()),
        "distinct": Distinct.of(examples.hashes(values)).to_list(),
        "shown": [value.decode(errors="replace") for value in values.slice(0, SHOWN).to_pylist()],
    }


def merge(parts):
    """Adds up what batches say."""
    merged = {}
    for part in parts:
        for name, counts in part.get("columns", {}).items():
            merged[name] = _merged(merged[name], counts) if name in merged else counts
    return {"columns": merged}


def _merged(one, other):
    both = {**one, **other}
    for name in ("present", "missing", "sum", "squares", "zeros", "length"):
        if name in one and name in other:
            both[name] = one[name] + other[name]
    for name, choose in (("min", min), ("max", max)):
        if name in one and name in other:
            both[name] = choose(one[name], other[name])
    both["kinds"] = {
        kind: one["kinds"].get(kind, 0) + other["kinds"].get(kind, 0)
        for kind in {*one["kinds"], *other["kinds"]}
    }
    if "distinct" in one and "distinct" in other:
        both["distinct"] = (Distinct(one["distinct"]) | Distinct(other["distinct"])).to_list()
    if "shown" in one:
        both["shown"] = one["shown"]
    return both


# Users and items


def _clicks(batch, columns):
    """Hashes of users and items, and times.

    A tuple of arrays; rows without a user or an item are left out.
    """
    user, item, time = (None if name is None else examples.flat(batch, name) for name in columns)
    if user is None or item is None:
        nothing = np.zeros(0, np.uint64)
        return nothing, nothing, np.zeros(0, np.float64)
    whole = pa.compute.and_(user.is_valid(), item.is_valid())
    user, item = (_as_text(part.filter(whole)) for part in (user, item))
    times = np.full(len(user), np.nan)
    if time is not None and _is_number(time.type):
        times = time.filter(whole).to_numpy(zero_copy_only=False).astype(np.float64)
    return examples.hashes(user), examples.hashes(item), times


def _as_text(values):
    return values if not _is_number(values.type) else values.cast(pa.string()).cast(pa.binary())


def _cut(clicks, place):
    """Clicks by buckets of a hash, so that all of a user, or of an item, meet."""
    for bucket, rows in examples.by_group(clicks[place], BUCKETS):
        yield bucket, tuple(part[rows] for part in clicks)


def count_users(keyed, burst):
    """Statistics of one bucket of users.

    How many users have each number of clicks, repeated pairs, and the rows of users with a burst.
    """
    user, item, time = (np.concatenate(parts) for parts in zip(*keyed[1], strict=True))
    _, place, degree = np.unique(user, return_inverse=True, return_counts=True)
    pairs = np.unique(np.stack([user, item]), axis=1).shape[1]
    is_bot = np.zeros(len(degree), bool)
    order = np.lexsort([time, place])
    place, time = place[order], time[order]
    if burst <= len(place):
        # Sorted by time, a user has a burst if the click `burst` - 1 places on is the same user's,
        # within the hour.
        first, last = slice(None, len(place) - burst + 1), slice(burst - 1, None)
        hit = (place[first] == place[last]) & (time[last] - time[first] < HOUR)
        is_bot[place[first][hit]] = True
    return {
        "user_degrees": _histogram(degree),
        "duplicates": len(user) - pairs,
        "bots": int(is_bot.sum()),
        "bot_rows": int(degree[is_bot].sum()),
        "clicks": len(user),
        "known_users": Distinct.of(user).to_list(),
    }


def count_items(keyed):
    """Of one bucket: how many items have each number of clicks."""
    item = np.concatenate([part[1] for part in keyed[1]])
    return {
        "item_degrees": _histogram(np.unique(item, return_counts=True)[1]),
        "known_items": Distinct.of(item).to_list(),
    }


def _histogram(degrees):
    values, counts = np.unique(degrees, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def _add(parts):
    total = {}
    for part in parts:
        for name, value in part.items():
            if name not in total:
                total[name] = value
            elif isinstance(value, dict):
                total[name] = {
                    key: total[name].get(key, 0) + value.get(key, 0)
                    for key in {**total[name], **value}
                }
            elif isinstance(value, list):
                total[name] = (Distinct(total[name]) | Distinct(value)).to_list()
            else:
                total[name] = total[name] + value
    return total


def _plain(part):
    return {
        name: {str(key): count for key, count in value.items()}
        if name.endswith("_degrees")
        else value
        for name, value in part.items()
    }


# What is written
