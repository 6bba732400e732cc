"""The released code's evaluation of CDAE, which leaves nothing out of the ranking, whatever the user has seen."""

from deca_tf.reproduction import derived

PART = "test_unmasked"


def values(results, cell, metric):
    """A metric of each finished seed: from the run itself, or else by judging its model once more.

    Args:
        results: `Results`.
        cell: a `Cell`.
        metric: such as 'recall@3'.
    """
    found = []
    for seed, metrics in zip(results.finished(cell), results.metrics(cell), strict=True):
        figures = metrics.get(PART) or {}
        if metric not in figures:
            figures = derived.of_run(results, "unmasked", cell, seed, _judge) or {}
        if metric in figures:
            found.append(figures[metric])
    return found


def _judge(model, split):
    from deca_tf.evaluation import evaluate

    return evaluate(model, split, leave_out_seen=False).metrics
