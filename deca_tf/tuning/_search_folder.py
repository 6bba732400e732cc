"""The folder of a search: which search it is, so that no other goes on in it."""

import hashlib
import json

import keras_tuner

from deca_tf._files import OtherSettingsError
from deca_tf.tuning.hypermodel import DeCAHyperModel
from deca_tf.tuning.tuners import points

SETTINGS_FILE = "search.json"


def describe(job, config, split):
    """What must be the same when a search goes on; the number of trials may grow."""
    hypermodel = DeCAHyperModel(**job.hypermodel)
    hp = keras_tuner.HyperParameters()
    hypermodel.declare_hyperparameters(hp)
    validation = hashlib.sha256(split.validation.pair_key.tobytes()).hexdigest()
    settings = config.to_dict()
    settings["data"].pop("data_dir", None)  # where the data lies does not count
    description = {
        "tuner": job.tuner,
        "objective": hypermodel.objective.name,
        "space": {each.name: each.get_config() for each in hp.space},
        "points": sum(1 for _ in points(hp)) if job.tuner == "grid" else None,
        "settings": settings,
        "held": job.hypermodel["held"],
        "backbone": "your own" if hypermodel.own_backbone is not None else config.backbone.name,
        "data": f"{split.fingerprint} {validation}",
    }
    return json.loads(json.dumps(description))  # as it is read back


def check_folder(job, description):
    """Refuses a folder that is not free, nor already this search's."""
    file = job.folder / SETTINGS_FILE
    if file.is_file():
        stored = json.loads(file.read_text(encoding="utf-8"))
        differing = _differences(stored, description)
        if differing:
            key, before, now = differing[0]
            raise OtherSettingsError(
                "`out` must be a new folder, or that of the same search. Received: "
                f"{str(job.folder)!r}, where {key} is {before!r} and not {now!r}. Name another "
                "folder, or delete this one.",
                job.folder,
                differing,
            )
    elif job.folder.exists() and any(job.folder.iterdir()):
        raise FileExistsError(
            "`out` must be a new folder, or that of the same search. Received: "
            f"{str(job.folder)!r}, which holds other "
            "files."
        )


def made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _differences(stored, asked, prefix=""):
    """A list of `(what, before, now)`."""
    found = []
    for key in sorted({*stored, *asked}):
        before, now = stored.get(key), asked.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            found += _differences(before, now, f"{prefix}{key}.")
        elif before != now:
            found.append((f"{prefix}{key}", before, now))
    return found
