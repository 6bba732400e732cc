"""The logs, and how each is split."""

import dataclasses

FRACTIONS = "8:1:1"


@dataclasses.dataclass(frozen=True)
class Log:
    """A log and a protocol.

    Args:
        data: the table `[data]` of a run; a file is below the data directory.
        file: whether `data["dataset"]` is such a file.
        is_timed: whether its clicks have times that a trend may use.
        is_large: whether a search tries fewer settings.
    """

    data: dict
    file: bool = False
    is_timed: bool = False
    is_large: bool = False


_DESKDROP = "deskdrop/users_interactions.csv.gz"
_U_DATA = {
    "dataset": "movielens/u.data",
    "options": {
        "separator": "\t",
        "header": False,
        "user_column": "1",
        "item_column": "2",
        "rating_column": "3",
        "timestamp_column": "4",
    },
}
_LATEST = "latest-small-ratings"
_ML_1M = {"dataset": "movielens/ml-1m.ratings.csv.gz", "clean_test": "rating >= 5"}
_BY_USER = {"split_by": "chronological-per-user"}
_TIMELINE = {"protocol": "timeline"}

LOGS = {
    "ml-100k": Log({"dataset": "ml-100k"}),
    "modcloth": Log({"dataset": "modcloth"}),
    "adressa": Log({"dataset": "adressa"}, is_large=True),
    "ml-1m": Log({**_ML_1M, "split_by": "random", "seed": 0}, file=True, is_large=True),
    "deskdrop by user": Log({"dataset": _DESKDROP, **_BY_USER}, file=True, is_timed=True),
    "u.data by user": Log({**_U_DATA, **_BY_USER}, file=True, is_timed=True),
    "latest-small by user": Log({"dataset": _LATEST, **_BY_USER}, is_timed=True),
    "deskdrop timeline": Log({"dataset": _DESKDROP, **_TIMELINE}, file=True, is_timed=True),
    "u.data timeline": Log({**_U_DATA, **_TIMELINE}, file=True, is_timed=True),
    "latest-small timeline": Log({"dataset": _LATEST, **_TIMELINE}, is_timed=True),
}
