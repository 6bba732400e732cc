"""Settings chosen by validation, one after the other; the test is not there to be looked at."""

import itertools
import json
import pathlib

from deca_tf._files import write_atomically
from deca_tf.config import merge, resolve
from deca_tf.evaluation import Evaluator
from deca_tf.runs.learn import learn
from deca_tf.runs.models import MODELS, learns_at_once
from deca_tf.runs.preflight import check_settings
from deca_tf.runs.train import train
from deca_tf.tuning.search import without_test

MONITOR = "val_recall@20"


ROUNDS = 2  # of one setting after the other


def choose(settings, axes, split, path, progress=print, together=()):
    """The best settings of a model on the validation.

    Settings that are searched together are tried in all combinations. The others follow, one after
    the other and twice, since the best value of one depends on the rest.

    Args:
        settings: tables of a run, of which those of `axes` are replaced.
        axes: `{"table.key": values}`, see `Ranker`.
        split: a `Split`.
        path: of a JSON file that keeps what has been tried, so that a search goes on.
        progress: called with a line for each point that was tried.
        together: names in `axes`, of a model that learns at once.

    Returns:
        `(settings, recall)`: the tables with the best values, and recall@20 on the validation.
    """
    path, blind = pathlib.Path(path), without_test(split)
    tried = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def keep(point, recall):
        tried[_key(point)] = recall
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(tried, indent=1) + "\n")
        progress(f"{_key(point)}: {recall:.4f}")

    def reached(point):
        if _key(point) not in tried:
            keep(point, _reached(resolve(overrides=merge(settings, _tables(point))), blind))
        return tried[_key(point)]

    point = {name: values[0] for name, values in axes.items()}
    if together:
        product = itertools.product(*(axes[name] for name in together))
        points = [{**point, **dict(zip(together, values, strict=True))} for values in product]
        missing = [each for each in points if _key(each) not in tried]
        for each, recall in _reached_by_grid(settings, missing, blind):
            keep(each, recall)
        point = max(points, key=reached)
    alone = [name for name in axes if name not in together]
    for name in alone * (1 if len(alone) == 1 else ROUNDS):
        point[name] = max(axes[name], key=lambda value: reached({**point, name: value}))
    return merge(settings, _tables(point)), reached(point)


def _key(point):
    return json.dumps(point, sort_keys=True)


def _reached_by_grid(settings, points, split):
    """`(point, recall)` of baselines that share what they can."""
    if not points:
        return
    cls = MODELS.load(settings["backbone"]["name"])
    options = [
        {
            **{key: value for key, value in settings["backbone"].items() if key != "name"},
            **_tables(point)["backbone"],
        }
        for point in points
    ]
    evaluator = Evaluator(split, part="validation", ks=(20,))
    for point, (_, model) in zip(points, cls.grid(split.train, options), strict=True):
        yield point, evaluator(model)["recall@20"]


def _reached(config, split):
    check_settings(config)
    if learns_at_once(config):
        return learn(config, split)[1][-1][MONITOR]
    return max(logs[MONITOR] for logs in train(config, split, show_progress=False)[1])


def _tables(point):
    """Settings by their names as nested tables; an unset one is left out."""
    given = {name: value for name, value in point.items() if value is not None}
    tables = {}
    for name, value in given.items():
        table, _, key = name.partition(".")
        tables = merge(tables, {table: {key: value}})
    return tables
