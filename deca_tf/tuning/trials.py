"""The trials of a folder: a table, and the best settings as a recipe."""

import json
import os
import pathlib

import pandas as pd
import tomli_w

from deca_tf._files import write_atomically
from deca_tf.config import Config
from deca_tf.tuning.tuners import RESULT

COMPLETED, COLLAPSED, FAILED, UNFINISHED = "completed", "collapsed", "failed", "unfinished"
INTERNAL = "tuner/"  # begins the names of Hyperband's own bookkeeping


def read_trials(folder: str | os.PathLike[str], objective: str) -> pd.DataFrame:
    """All trials of one method's search.

    Args:
        folder: of the search.
        objective: name of what was maximized.

    Returns:
        A DataFrame with a row per trial, best first and then the collapsed, failed and unfinished
        ones: `trial`, `status`, the objective (missing where it collapsed: it does not count),
        `collapsed` (how), `best_epoch`, `epochs`, `seconds`, `worker`, the point's values, and
        `message` of a failure.

    Stability: provisional.
    """
    rows = []
    for file in sorted(pathlib.Path(folder).glob("trial_*/trial.json")):
        trial = json.loads(file.read_text(encoding="utf-8"))
        left = file.with_name(RESULT)
        result = json.loads(left.read_text(encoding="utf-8")) if left.is_file() else {}
        ended = trial["status"] == "COMPLETED"
        collapsed = result.get("collapsed") if ended else None
        status = {"COMPLETED": COMPLETED, "FAILED": FAILED}.get(trial["status"], UNFINISHED)
        values = trial["hyperparameters"]["values"]
        rows.append(
            {
                "trial": trial["trial_id"],
                "status": COLLAPSED if collapsed else status,
                objective: trial["score"] if ended and not collapsed else None,
                "collapsed": collapsed,
                "best_epoch": int(_metric(trial, "best_epoch")) if ended else None,
                "epochs": int(_metric(trial, "epochs")) if ended else None,
                "seconds": result.get("seconds") if ended else None,
                "worker": result.get("worker") if ended else None,
                **{name: value for name, value in values.items() if not name.startswith(INTERNAL)},
                "message": (trial["message"] or "").strip().rpartition("\n")[2] or None,
            }
        )
    columns = [
        "trial",
        "status",
        objective,
        "collapsed",
        "best_epoch",
        "epochs",
        "seconds",
        "worker",
    ]
    frame = pd.DataFrame(rows, columns=None if rows else [*columns, "message"])
    order = {status: rank for rank, status in enumerate((COMPLETED, COLLAPSED, FAILED, UNFINISHED))}
    frame = frame.astype({objective: float, "seconds": float}).assign(
        _rank=frame["status"].map(order)
    )
    ranked = frame.sort_values(["_rank", objective, "trial"], ascending=[True, False, True])
    return ranked.drop(columns="_rank").reset_index(drop=True)


def hyperparameter_columns(frame: pd.DataFrame) -> list[str]:
    """Names of a table's columns that were searched."""
    return [name for name in frame.columns if "." in name]


def best_settings(folder: str | os.PathLike[str], objective: str) -> Config:
    """The `Config` of the best trial that did not collapse.

    Raises:
        ValueError: there is none.

    Stability: provisional.
    """
    frame = read_trials(folder, objective)
    done = frame[frame["status"] == COMPLETED]
    if not len(done):
        counted = frame["status"].value_counts().to_dict()
        raise ValueError(
            f"The search must have a completed trial. Received: {str(folder)!r} with "
            f"{counted or 'no trials'}. Allow "
            "more trials, or another space."
        )
    result = pathlib.Path(folder) / f"trial_{done['trial'].iloc[0]}" / RESULT
    return Config.model_validate(json.loads(result.read_text(encoding="utf-8"))["settings"])


def write_recipe(config: Config, path: pathlib.Path) -> None:
    """Writes settings as a recipe that `deca-tf train --recipe` takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, tomli_w.dumps(config.to_dict()))


def _metric(trial, name):
    return trial["metrics"]["metrics"][name]["observations"][0]["value"][0]
