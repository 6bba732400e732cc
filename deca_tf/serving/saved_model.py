"""Export: a trained model and its split become one version of a SavedModel."""

import datetime
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import deca_tf
from deca_tf._checks import check_integer
from deca_tf.baselines.baseline import Baseline
from deca_tf.data.splits import Split, check_split
from deca_tf.serving._assembly import assemble, shippable, taken_apart
from deca_tf.serving._compression import compression_loss
from deca_tf.serving._vectors import BRUTE_FORCE, FLOAT32
from deca_tf.serving._warmup import write_warmup
from deca_tf.serving.versions import MANIFEST, new_version


def export(
    target: keras.Model | Baseline,
    split: Split,
    folder: str | os.PathLike[str],
    *,
    k: int | Sequence[int] = 10,
    index: str = BRUTE_FORCE,
    dtype: str = FLOAT32,
    retrieval: keras.Model | None = None,
    candidates: int = 500,
    weights_per_item: int | None = None,
    titles: Mapping[Any, str] | None = None,
    warmup_batch_sizes: Sequence[int] = (1, 32),
    manifest: dict[str, Any] | None = None,
) -> pathlib.Path:
    """Writes the next version of a model: raw ids in, raw ids out.

    Its signatures (see `ServedModel`), ids being strings, integer ids as decimal numbers, and lists
    padded with "":

    - `serving_default` and `recommend`: user_id `(batch,)` to item_id and score `(batch, k)`,
      known_user `(batch,)`. Pairs of train and validation are never recommended, and equal scores
      come in the order of the dense item ids. A user without a training interaction gets the most
      popular items of train, with their numbers of interactions as score, or the best by the
      target's own `for_strangers`; and known_user False.
      Where fewer than k items are left, the rest is item_id "".
    - `recommend_excluding`: also exclude_item_id `(batch, n)`.
    - `recommend_from_history`: item_id `(batch, n)` of someone who is no user of the model. CDAE
      encodes it, and item-knn, EASE and ALS score from it exactly; of other factorized models,
      users' vectors are told from those of their items by least squares. NeuMF has none.
    - `similar_items`: item_id `(batch,)` to item_id and score `(batch, k)`.
    - `score`: user_id and item_id `(batch,)` to probability and, where the method has one,
      posterior; to score alone where a score is no logit of a probability.
    - `history`: user_id `(batch,)` to what the user has taken and the same numbers but the score.

    A factorized `Backbone` (MF, GMF, LightGCN, CDAE) is written as its vectors in an index of
    TensorFlow Recommenders. Of any other model the graph of `score_all_items` is written, with the
    weights that it reads; it scores few users at a time, so that memory does not grow with the
    batch. No Keras object is written.

    Args:
        target: `Trending`, `Baseline`, `Backbone`, or any Keras model that has
            `score_all_items(user_ids)` or maps `{"user_id", "item_id"}`, both `(batch,)`, to
            logits. Of a model that trains one, such as `DeCAModel`, its `.recommender` is written,
            and what its denoiser's posterior needs: neither auxiliary network nor optimizer.
        split: the `Split` that the target was trained on.
        folder: where the versions lie, `saved_models/NAME`; made if missing. No version is ever
            overwritten.
        k: how many items to recommend, at most `num_items`, one or several numbers. Of `(10, 100)`,
            `recommend_10` and `recommend_100` are made, and so on; signatures without a number have
            the first.
        index: 'brute-force', exact, all item vectors in one matrix; 'streaming', exact, some items
            at a time; or 'scann', approximate, for a server of one's own.
        dtype: of the item vectors of index 'streaming': 'float32', 'float16' or 'int8'. The
            manifest tells what the smaller ones lose.
        retrieval: factorized model of the same data that finds candidates for a target like NeuMF,
            which then ranks only these; None: the target ranks all items.
        candidates: how many of them are ranked, beside those already seen.
        weights_per_item: of a model with weights from items to items (item-knn, EASE), how many of
            each item's strongest are shipped; None: so few that recall@20 on the validation changes
            by less than .001. The manifest tells the loss and the bytes.
        titles: what to call items: `{raw id: title}`; answers then have `title` beside `item_id`.
        warmup_batch_sizes: of the requests that a server answers with each signature before it
            takes the version into service; each is answered here before the version is published.
            `()`: no warm-up.
        manifest: what else to record in the version's `assets.extra/manifest.json`: a dict that
            JSON can hold. The facts about the export itself (k, num_users, num_items, created,
            versions of the packages) win over it.

    Returns:
        `pathlib.Path` of the new version's folder, `<folder>/<integer>`. It appears only when it is
        complete.

    Raises:
        TypeError: `target` is no Keras model, `split` no `Split`, or `manifest` no dict that JSON
            can hold.
        ValueError: a `k` out of range, a target of other sizes than the split, scores that cannot
            be traced into a graph, weights that are not finite, raw ids that are equal as strings,
            or options that do not go together.
        ImportError: for a factorized target, a package is missing, or `tf.keras` was used as Keras
            3 before (see `retrieval_index`).

    Example:
        >>> version = deca_tf.export(model, split, "saved_models/tour", k=(3, 5))
        >>> version.as_posix()
        'saved_models/tour/1'

    Stability: stable.
    """
    check_split(split)
    ks = _checked_ks(k, split.num_items)
    named = None if titles is None else _titles(titles, split.train.raw_item_ids)
    served, more = assemble(
        target,
        split,
        ks,
        index=index,
        dtype=dtype,
        retrieval=retrieval,
        candidates=check_integer("candidates", candidates),
        weights_per_item=None
        if weights_per_item is None
        else check_integer("weights_per_item", weights_per_item),
        titles=named,
    )
    facts = {"signatures": sorted(served.offers()), "index": index, "dtype": dtype, **more}
    if dtype != FLOAT32:
        facts["compression"] = compression_loss(
            served.search, shippable(retrieval or taken_apart(target)[1]), split
        )
    text = _manifest_text(manifest, split, ks, facts)
    with new_version(folder) as (scratch, published):
        tf.saved_model.save(served, str(scratch), signatures=served.signatures())
        path = scratch / MANIFEST
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        if warmup_batch_sizes:
            loaded = tf.saved_model.load(str(scratch))
            users, items = _ids_to_ask(split)
            write_warmup(scratch, loaded.signatures, users, items, warmup_batch_sizes)
    return published[0]


def _ids_to_ask(split, most=32):
    """Raw ids of some users and items with interactions, as strings."""
    train = split.train
    users, items = (np.unique(ids)[:most] for ids in (train.user_id, train.item_id))
    return [
        [str(raw) for raw in ids.tolist()]
        for ids in (train.raw_user_ids[users], train.raw_item_ids[items])
    ]


def _checked_ks(k, num_items):
    given = k if isinstance(k, list | tuple) else (k,)
    if not given:
        raise ValueError("`k` must be a number or several. Received: none.")
    ks = tuple(dict.fromkeys(check_integer("k", each) for each in given))
    if max(ks) > num_items:
        raise ValueError(
            f"`k` must be at most the number of items, {num_items}. Received: k={max(ks)}. Choose "
            "a smaller `k`."
        )
    return ks


def _titles(titles, raw_item_ids):
    """Titles in the order of the dense ids; an item without one is called by its id."""
    by_id = {str(raw_id): str(title) for raw_id, title in dict(titles).items()}
    return [by_id.get(str(raw_id), str(raw_id)) for raw_id in np.asarray(raw_item_ids).tolist()]


def _manifest_text(manifest, split, ks, more):
    if manifest is not None and not isinstance(manifest, dict):
        raise TypeError(f"`manifest` must be a dict or None. Received: manifest={manifest!r}.")
    facts = {
        "k": ks[0],
        "ks": ks,
        **more,
        "num_users": split.num_users,
        "num_items": split.num_items,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "deca_tf": deca_tf.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    try:
        return json.dumps({**(manifest or {}), **facts}, indent=2, ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as error:
        raise TypeError(
            "`manifest` must hold only what JSON can: text, numbers, lists, dicts. Received: "
            f"manifest={manifest!r}, "
            f"{error}."
        ) from error
