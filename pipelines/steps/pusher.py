"""Pusher: publishes a blessed model for a server, as by `deca-tf export`."""

import json

from deca_tf._files import write_atomically
from deca_tf.data.shards import INTERACTIONS_FILE

from ..step import Step
from ..store import digest
from .evaluator import BLESSED, BLESSING, EVALUATION, METRICS
from .split import SHARDS
from .trainer import MODEL

PUSHED_MODEL = "pushed_model"
FILE = "pushed.json"
DIGEST = "model_digest"  # in a version's manifest


class Pusher(Step):
    """Writes the next version of the served model, whole or not at all.

    A model that is not blessed is not pushed.

    The artifact tells which version it became. A version that was taken back (`deca-tf rollback`)
    is not pushed again.
    """

    name = "Pusher"
    inputs = (SHARDS, MODEL, EVALUATION, BLESSING)
    outputs = (PUSHED_MODEL,)

    def check(self, context):
        from deca_tf.data.titles import read_titles

        destination, titles = destination_of(context.settings), context.settings.pusher.titles
        if destination.exists() and not destination.is_dir():
            raise ValueError(
                f"`pusher.destination` must be a folder. Received: {str(destination)!r}, which is "
                "a file."
            )
        if min(context.settings.pusher.k) < 1:
            raise ValueError(
                "`pusher.k` must hold numbers of at least 1. Received: "
                f"{context.settings.pusher.k}."
            )
        if titles is not None:
            read_titles(titles)

    def settings(self, context, inputs):
        settings = context.settings.pusher
        titles = settings.titles and digest(settings.titles)
        return [str(destination_of(context.settings).absolute()), settings.k, titles, settings.keep]

    def run(self, inputs, outputs, context):
        destination = destination_of(context.settings)
        if (inputs[BLESSING] / BLESSED).is_file():
            version = _pushed_before(destination, digest(inputs[MODEL])) or _push(
                inputs, destination, context
            )
            said = {"pushed": True, "version": str(version)}
        else:
            said = {"pushed": False, "why": "The model is not blessed."}
        write_atomically(outputs[PUSHED_MODEL] / FILE, json.dumps(said, indent=2) + "\n")
        return said


def destination_of(settings):
    """Folder of the served model's versions."""
    return settings.pusher.destination or settings.root / "served" / settings.split.name


def _pushed_before(destination, model_digest):
    """Path of the newest version, if it is this very model: a Pusher that was killed had pushed it.

    Else None.
    """
    from deca_tf.serving.versions import MANIFEST, complete_versions

    versions = complete_versions(destination) if destination.is_dir() else {}
    if not versions:
        return None
    newest = versions[max(versions)]
    manifest = json.loads((newest / MANIFEST).read_text(encoding="utf-8"))
    return newest if manifest.get(DIGEST) == model_digest else None


def _push(inputs, destination, context):
    from deca_tf.data.titles import read_titles
    from deca_tf.runs.evaluate import clean_validation
    from deca_tf.runs.load import load_run
    from deca_tf.serving import export
    from deca_tf.serving.versions import remove_old

    settings = context.settings.pusher
    stored, model, split = load_run(inputs[MODEL], data_dir=str(inputs[SHARDS]))
    about = {
        key: stored[key] for key in ("backbone", "denoiser", "protocol", "seed", "config", "test")
    }
    evaluation = json.loads((inputs[EVALUATION] / METRICS).read_text(encoding="utf-8"))
    version = export(
        model,
        split,
        destination,
        k=settings.k,
        titles=None if settings.titles is None else read_titles(settings.titles),
        manifest={
            **about,
            "dataset": json.loads((inputs[SHARDS] / INTERACTIONS_FILE).read_text(encoding="utf-8"))[
                "name"
            ],
            "run": str(inputs[MODEL]),
            "data": (split.refit_of or split).fingerprint,
            "validation": clean_validation(model, split, stored=stored),
            "conditions": evaluation["conditions"],
            DIGEST: digest(inputs[MODEL]),
        },
    )
    remove_old(destination, settings.keep)
    return version
