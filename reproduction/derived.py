"""What takes a finished run's model to find out.

It is kept as JSON below the root, so that it is found out once.
"""

import json
import pathlib

from deca_tf._files import write_atomically
from deca_tf._tensorflow import load_tensorflow


def of_run(results, kind, cell, seed, find_out):
    """One finding on one finished run.

    It is found out anew when the run is younger than what is kept. Where it cannot be found out,
    `results.problems` says why.

    Args:
        results: `Results`.
        kind: what is found out: the name of a folder.
        cell, seed: of the run.
        find_out: called with the run's model and split, returns what JSON can hold.

    Returns:
        The finding, or None.
    """
    folder = results.folder(cell, seed)
    file = pathlib.Path(results.root) / "derived" / kind / cell.name / f"seed-{seed}.json"
    if file.is_file() and file.stat().st_mtime >= folder.metrics_file.stat().st_mtime:
        return json.loads(file.read_text(encoding="utf-8"))
    results.say(f"{kind} of {cell.name} seed {seed}")
    load_tensorflow()
    from deca_tf.runs.load import load_run

    try:
        _, model, split = load_run(
            folder.path, data_dir=results.data_dir, split=results.split(cell)
        )
        found = find_out(model, split)
    except (
        Exception
    ) as error:  # one run that cannot be read must not keep the others from being shown
        results.problems.append(f"{kind} of {folder.path}: {type(error).__name__}: {error}")
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(found) + "\n")
    return found


def of_cell(results, kind, cell, find_out):
    """The findings on each finished seed of a cell.

    `{seed: finding}`, without those that could not be made.
    """
    found = {seed: of_run(results, kind, cell, seed, find_out) for seed in results.finished(cell)}
    return {seed: finding for seed, finding in found.items() if finding is not None}
