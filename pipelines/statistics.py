"""What the counts of a log come to.

Statistics as TFDV has them, and what matters of implicit feedback.
"""

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from .sketch import Distinct


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
