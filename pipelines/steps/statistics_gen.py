"""StatisticsGen: what a log is like, column by column, and as implicit feedback."""

import json

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipelines import examples
from pipelines.sketch import Distinct
from pipelines.step import Step

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
    """Hashes of users and items, and times: a tuple of arrays; rows without a user or an item are left out."""
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
    """Of one bucket: how many users have each number of clicks, repeated pairs, and the rows of users with a burst."""
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


def to_proto(columns, rows):
    """`DatasetFeatureStatisticsList` of counted columns."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(name="all", num_examples=rows)
    for name, counts in sorted(columns.items()):
        kind = max(counts["kinds"], key=("INT", "FLOAT", "STRING").index, default="STRING")
        feature = dataset.features.add(type=statistics_pb2.FeatureNameStatistics.Type.Value(kind))
        feature.path.step.append(name)
        is_number = kind != "STRING"
        stats = feature.num_stats if is_number else feature.string_stats
        common = stats.common_stats
        common.num_non_missing = counts["present"]
        common.num_missing = rows - counts["present"]  # of a batch without the column, too
        if counts["present"]:
            common.min_num_values = common.max_num_values = 1
            common.avg_num_values = 1.0
        if is_number and "sum" in counts:
            mean = counts["sum"] / counts["present"]
            stats.mean, stats.min, stats.max = mean, counts["min"], counts["max"]
            stats.std_dev = max(0.0, counts["squares"] / counts["present"] - mean * mean) ** 0.5
            stats.num_zeros = counts["zeros"]
        elif "distinct" in counts:
            stats.unique = round(Distinct(counts["distinct"]).count)
            stats.avg_length = counts["length"] / counts["present"]
            for value in counts["shown"]:
                stats.top_values.add(value=value)
    return found


def to_feedback(found, rows):
    """What matters of implicit feedback, a dict for JSON."""
    users, items = (
        {int(degree): count for degree, count in found.get(name, {}).items()}
        for name in ("user_degrees", "item_degrees")
    )
    clicks = found.get("clicks", 0)
    num_users, num_items = sum(users.values()), sum(items.values())
    return {
        "rows": rows,
        "clicks": clicks,
        "incomplete_rows": rows - clicks,
        "users": num_users,
        "items": num_items,
        "density": (clicks - found.get("duplicates", 0)) / max(1, num_users * num_items),
        "duplicates": found.get("duplicates", 0),
        "bots": found.get("bots", 0),
        "bot_rows": found.get("bot_rows", 0),
        "user_degree": _quantiles(users),
        "item_degree": _quantiles(items),
        "item_gini": _gini(items),
        "item_clicks_by_degree": _shares(items),
        "known_users": found.get("known_users", []),
        "known_items": found.get("known_items", []),
    }


def _quantiles(degrees):
    if not degrees:
        return {}
    values = np.array(sorted(degrees))
    cumulative = np.cumsum([degrees[value] for value in values])
    places = np.searchsorted(cumulative, np.array([0.0, 0.1, 0.5, 0.9, 0.99, 1.0]) * cumulative[-1])
    names = ("min", "10%", "50%", "90%", "99%", "max")
    return {
        name: int(values[min(place, len(values) - 1)])
        for name, place in zip(names, places, strict=True)
    }


def _gini(degrees):
    """0 where all items have as many clicks, near 1 where one has them all."""
    if not degrees:
        return 0.0
    values = np.array(sorted(degrees), np.float64)
    counts = np.array([degrees[int(value)] for value in values], np.float64)
    clicks = values * counts
    below = np.cumsum(clicks) - clicks
    return float(1.0 - ((2.0 * below + clicks) * counts).sum() / (clicks.sum() * counts.sum()))


def _shares(degrees):
    """Share of all clicks that items of 1, 2-3, 4-7, ... clicks get, by the exponent of two."""
    total = sum(degree * count for degree, count in degrees.items())
    shares = {}
    for degree, count in degrees.items():
        power = str(degree.bit_length() - 1)
        shares[power] = shares.get(power, 0.0) + degree * count / total
    return shares
