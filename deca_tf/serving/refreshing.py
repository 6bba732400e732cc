"""Refreshes a version: new clicks into its histories, its popularity and its trend, no training."""

import dataclasses
import datetime
import json
import os
import pathlib

import tensorflow as tf

from deca_tf.data.interactions import Interactions
from deca_tf.serving._new_clicks import NewClicks
from deca_tf.serving._refreshed_search import SEARCHES
from deca_tf.serving._stored_variables import StoredVariables
from deca_tf.serving._warmup import WARMUP, read_warmup
from deca_tf.serving.versions import MANIFEST, find_version, new_version


@dataclasses.dataclass(frozen=True)
class Refreshed:
    """What became of new clicks.

    Args:
        version: folder of the new version.
        clicks: how many were given.
        taken: of them, those of users and items that the version knows.
        new_pairs: distinct pairs that it had not seen.
        unknown_users, unknown_items: ids that it does not know; their clicks were left out.

    Stability: provisional.
    """

    version: pathlib.Path
    clicks: int
    taken: int
    new_pairs: int
    unknown_users: int
    unknown_items: int


def refresh(
    folder: str | os.PathLike[str], clicks: Interactions, version: int | None = None
) -> Refreshed:
    """Publishes the next version with new clicks in it, in seconds and without training.

    What a user has taken since is no longer recommended to him. Models that score from histories
    (item-knn, EASE, ALS, CDAE) score from the longer ones. Of other models, users' vectors stay as
    they are; a user whom the version knew by name alone gets one from his history, where the model
    can fold it in. Popularity counts the new clicks, and a trend follows them.

    Ids that the version does not know are counted and left out: they need a training.

    Args:
        folder: what `export` was given.
        clicks: `Interactions` of the new clicks, with the users' own ids; with timestamps where the
            version has a trend or histories whose clicks age.
        version: number to begin with; None: the newest.

    Returns:
        A `Refreshed`.

    Raises:
        FileNotFoundError: there is no complete version.
        ValueError: the version cannot be refreshed, or timestamps are missing.

    Example:
        >>> _ = deca_tf.export(model, split, "saved_models/fresh", k=2, warmup_batch_sizes=())
        >>> deca_tf.serving.refresh("saved_models/fresh", split.test).version.as_posix()
        'saved_models/fresh/2'

    Stability: provisional.
    """
    path = find_version(folder, version)
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    facts = manifest.get("refresh")
    if facts is None or facts["search"] not in SEARCHES:
        raise ValueError(
            "The version must be one that can be refreshed, which its manifest says. Received: "
            f"{path}, of index {manifest.get('index')!r} by deca_tf {manifest.get('deca_tf')}. "
            "Export it anew."
        )
    stored = StoredVariables(path)
    new = NewClicks(stored, clicks, facts["newest"])
    SEARCHES[facts["search"]](stored, facts, new).take()
    stored["seen_items"], stored["seen_splits"] = new.seen.indices, new.seen.indptr
    more = {
        "refresh": {**facts, "newest": new.newest},
        "refreshed_from": int(path.name),
        "refreshed": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "new_clicks": new.num_rows,
    }
    with new_version(folder) as (scratch, published):
        stored.write(scratch)
        text = json.dumps({**manifest, **more}, indent=2, ensure_ascii=False) + "\n"
        (scratch / MANIFEST).write_text(text, encoding="utf-8")
        _check_answers(scratch)
    return Refreshed(
        version=published[0],
        clicks=len(clicks),
        taken=new.num_rows,
        new_pairs=int(new.is_new.sum()),
        unknown_users=new.unknown["user"],
        unknown_items=new.unknown["item"],
    )


def _check_answers(version):
    """Asks what the warm-up asks, so that what cannot answer never becomes a version."""
    signatures = tf.saved_model.load(str(version)).signatures
    for name, inputs in read_warmup(version) if (version / WARMUP).is_file() else ():
        signatures[name](**{key: tf.constant(value, tf.string) for key, value in inputs.items()})
