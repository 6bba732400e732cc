"""Rolling origins: a run for each of several test windows, and what they reach on average."""

import pathlib


def earlier_cuts(config, folder):
    """The runs of all cuts but the last, the oldest first.

    Args:
        config: the run's `Config`, whose own split is that of the last cut.
        folder: its `RunFolder`.

    Yields:
        `(config, path)`: of a run of one cut, which stands for itself.
    """
    cuts = config.data.cuts
    for number in range(1, cuts):
        data = {"cuts": 1, "windows_back": config.data.windows_back + cuts - number}
        own = config.model_copy(update={"data": config.data.model_copy(update=data)})
        yield own, pathlib.Path(folder.cuts) / str(number)


def summary(metrics, earlier):
    """The metrics of the last cut, with those of all cuts and their mean.

    Args:
        metrics: of the last cut's run.
        earlier: those of the other cuts' runs, the oldest first; none: there is one cut.

    Returns:
        What `metrics.json` holds.
    """
    if not earlier:
        return metrics
    runs = [*earlier, metrics]
    cuts = [
        {
            key: found[key]
            for key in ("timeline", "evaluation", "best_epoch", *_TABLES)
            if key in found
        }
        for found in runs
    ]
    mean = {
        table: {
            name: sum(found[table][name] for found in runs) / len(runs) for name in metrics[table]
        }
        for table in _TABLES
        if all(table in found for found in runs)
    }
    return {**metrics, "cuts": cuts, "mean": mean}


_TABLES = ("test", "test_popularity", "test_decayed_popularity")
