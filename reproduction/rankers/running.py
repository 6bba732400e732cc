"""One log: its split is read once, then each model is searched, trained and tested."""

import json
import time

from deca_tf._files import write_atomically
from deca_tf.config import merge, resolve
from deca_tf.data.sources.data_directory import find_data_dir
from deca_tf.runs.data import read_split
from deca_tf.runs.run import run
from reproduction.rankers.choosing import choose
from reproduction.rankers.logs import LOGS
from reproduction.rankers.models import HALF_LIFE, RANKERS

TREND = {"time": {"trend_half_life": "auto", "trend_weight": "auto"}}


def run_all(name, models, out, data_dir, seeds, tell):
    """Runs what is not finished of some models on a log.

    Args:
        name: of the log, in `LOGS`.
        models: names, in `RANKERS`.
        out: folder of all runs.
        data_dir: of the public data sets, or None.
        seeds: how many of a model that differs by seed.
        tell: called with a line of progress.
    """
    log = LOGS[name]
    data = dict(log.data)
    if log.file:
        data["dataset"] = str(find_data_dir(data_dir) / data["dataset"])
    elif data_dir is not None:
        data["data_dir"] = data_dir
    split = read_split(resolve(overrides={"data": data}))
    tell(repr(split))
    for model in models:
        folder, ranker = out / name / model, RANKERS[model]
        began = time.perf_counter()
        axes = {
            key: values for key, values in ranker.axes.items() if log.is_timed or key != HALF_LIFE
        }
        settings, recall = choose(
            merge({"data": data}, ranker.settings),
            axes,
            split,
            folder / "tried.json",
            lambda line, model=model: tell(f"{name}, {model}: {line}"),
            () if log.is_large else ranker.together,
        )
        if log.is_timed and ranker.may_trend:
            settings = merge(settings, TREND)
        chosen = {"settings": settings, "validation": recall}
        write_atomically(folder / "chosen.json", json.dumps(chosen, indent=1) + "\n")
        for seed in range(seeds if ranker.is_random else 1):
            config = resolve(overrides=merge(settings, {"seed": seed}))
            config.data.seed = 0  # one split for all seeds
            metrics = run(config, folder / f"seed-{seed}", split=split, show_progress=False)
            tell(f"{name}, {model}, seed {seed}: test {metrics['test']['recall@20']:.4f}")
        tell(f"{name}, {model}: {time.perf_counter() - began:.0f} s")
