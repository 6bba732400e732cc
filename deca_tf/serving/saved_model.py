"""Export: a trained target and its split become one version of a SavedModel that any TensorFlow can serve."""

import datetime
import json

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf
from keras import ops

import deca_tf
from deca_tf.checks import check_integer
from deca_tf.serving.retrieval_index import brute_force
from deca_tf.serving.search import IndexSearch, ScoreAllSearch
from deca_tf.serving.served_model import ServedModel
from deca_tf.serving.versions import MANIFEST, SIGNATURE, new_version

_CHUNK = 8192  # users whose vectors are computed at once


def export(target, split, folder, *, k=10, manifest=None):
    """Writes the next version of a model: raw user ids in, the k best unseen items out.

    The one signature, `serving_default`, takes `user_id`, string `(batch,)`, and returns `item_id`, string
    `(batch, k)`, `score`, float32 `(batch, k)`, and `known_user`, bool `(batch,)`; integer ids travel as decimal
    strings. Pairs of train and validation are never recommended, and equal scores come in the order of the dense item
    ids. A user without a training interaction gets the most popular items of train, `score` being their number of
    interactions, and `known_user` False. Where fewer than k items are left, the rest is item_id "" with score -inf.

    A factorized `Backbone` (MF, GMF, LightGCN, CDAE) is written as its vectors in an index of TensorFlow Recommenders.
    Of any other model the graph of `score_all_items` is written, with the weights that it reads; it scores few users
    at a time, so that memory does not grow with the batch. Both searches are exact, and no Keras object is written.

    Args:
        target: `Backbone`, or any Keras model that has `score_all_items(user_ids)` or maps `{"user_id", "item_id"}`,
            both `(batch,)`, to logits. Of a model that trains one, such as `DeCAModel`, only its `.recommender` is
            written: no denoiser, no auxiliary network, no optimizer.
        split: the `Split` that the target was trained on.
        folder: where the versions lie, `saved_models/NAME`; made if missing. No version is ever overwritten.
        k: how many items to recommend, at most `num_items`.
        manifest: what else to record in the version's `assets.extra/manifest.json`: a dict that JSON can hold. The
            facts about the export itself (k, num_users, num_items, created, versions of the packages) win over it.

    Returns:
        `pathlib.Path` of the new version's folder, `<folder>/<integer>`. It appears only when it is complete.

    Raises:
        TypeError: `target` is no Keras model, or `manifest` no dict that JSON can hold.
        ValueError: a `k` out of range, a target of other sizes than the split, scores that cannot be traced into a
            graph, weights that are not finite, or raw user ids that are equal as strings.
        ImportError: for a factorized target, a package is missing, or `tf.keras` was used as Keras 3 before (see
            `retrieval_index`).
    """
    target = _shippable(target)
    _check_sizes(target, split)
    k = check_integer("k", k)
    if k > split.num_items:
        raise ValueError(
            f"`k` must be at most the number of items, {split.num_items}. Received: k={k}. Choose a smaller `k`."
        )
    text = _manifest_text(manifest, split, k)
    user_ids, item_ids = _strings(split.train.raw_user_ids), _strings(split.train.raw_item_ids)
    _check_distinct(user_ids)
    known = np.append(split.train.user_activity() > 0, False)
    search = _search(target, known, split.train.item_popularity())
    stranger = scipy.sparse.csr_array((1, split.num_items), dtype=np.float32)  # has seen nothing
    seen = scipy.sparse.vstack([split.seen().to_csr(), stranger], format="csr")
    served = ServedModel(search, known, seen, user_ids, item_ids, k)
    with new_version(folder) as (scratch, published):
        tf.saved_model.save(served, str(scratch), signatures={SIGNATURE: served.recommend})
        path = scratch / MANIFEST
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
    return published[0]


def _shippable(target):
    """The model to ship, refused if it is none."""
    inner = getattr(target, "recommender", target)
    if not isinstance(inner, keras.Model):
        raise TypeError(
            "`target` must be a Backbone or another Keras model, or a model with one as `.recommender`. "
            f"Received: target={target!r} of type {type(target).__name__}."
        )
    return inner


def _check_sizes(target, split):
    expected = split.num_users, split.num_items
    sizes = tuple(getattr(target, name, size) for name, size in zip(("num_users", "num_items"), expected, strict=True))
    if sizes != expected:
        raise ValueError(
            "`target` and `split` must have the same (num_users, num_items). "
            f"Received: target with {sizes}, split with {expected}. Give the split that the target was trained on."
        )


def _search(target, known, popularity):
    """The search over a target's scores, and over popularity for the users that are not `known`."""
    if getattr(target, "is_factorized", False):
        queries, candidates = _tables(target, known, popularity)
        return IndexSearch(brute_force(candidates), queries)
    for weight in target.trainable_variables:
        _check_finite(weight.path, ops.convert_to_numpy(weight))
    return ScoreAllSearch(target, known, popularity)


def _tables(target, known, popularity):
    """Vectors of users `(num_users + 1, dim + 1)` and items `(num_items, dim + 1)` whose dot product is the answer.

    The last column carries popularity: 1 for a user answered by popularity and 0 for all others, so that one index
    and one graph serve both. A product with 0 adds an exact 0, so it changes no other score.
    """
    users = np.arange(len(known) - 1, dtype=np.int32)
    chunks = [target.query_embedding(users[start : start + _CHUNK]) for start in range(0, len(users), _CHUNK)]
    vectors = np.concatenate([ops.convert_to_numpy(chunk) for chunk in chunks]).astype(np.float32)
    items = ops.convert_to_numpy(target.candidate_embedding(np.arange(len(popularity), dtype=np.int32)))
    _check_finite("query_embedding", vectors[known[:-1]])
    _check_finite("candidate_embedding", items)
    queries = np.zeros((len(known), vectors.shape[1] + 1), np.float32)
    queries[:-1, :-1] = np.where(known[:-1, None], vectors, 0.0)
    queries[:, -1] = ~known
    return queries, np.column_stack([items.astype(np.float32), popularity.astype(np.float32)])


def _check_finite(name, values):
    count = np.count_nonzero(~np.isfinite(values))
    if count:
        raise ValueError(
            f"`target`'s {name} must be finite. Received: {count} values that are NaN or infinite: training has "
            "diverged. Train with a lower learning rate."
        )


def _strings(raw_ids):
    return [raw.decode() if isinstance(raw, bytes) else str(raw) for raw in np.asarray(raw_ids).tolist()]


def _check_distinct(user_ids):
    distinct, counts = np.unique(np.asarray(user_ids, dtype=object), return_counts=True)
    if len(distinct) < len(user_ids):
        raise ValueError(
            "Raw user ids must differ as strings. "
            f"Received: {distinct[counts > 1][0]!r} for {counts.max()} users. Rename them in the data."
        )


def _manifest_text(manifest, split, k):
    if manifest is not None and not isinstance(manifest, dict):
        raise TypeError(f"`manifest` must be a dict or None. Received: manifest={manifest!r}.")
    facts = {
        "k": k,
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
            f"`manifest` must hold only what JSON can: text, numbers, lists, dicts. Received: manifest={manifest!r}, "
            f"{error}."
        ) from error
