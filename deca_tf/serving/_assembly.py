"""From a trained model and its split to the graph that is shipped."""

import functools

import keras
import numpy as np
import scipy.sparse
from keras import ops

from deca_tf._checks import check_choice
from deca_tf.backbones.mf import MF
from deca_tf.baselines.baseline import Baseline
from deca_tf.baselines.popularity import Popularity
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.serving._fold_in import LinearFoldIn, TracedFoldIn
from deca_tf.serving._history_search import HistorySearch, SimilarByWeights
from deca_tf.serving._index_search import IndexSearch
from deca_tf.serving._item_table import CompactTable, FullTable
from deca_tf.serving._posterior import Posterior
from deca_tf.serving._pruning import prune
from deca_tf.serving._score_all_search import ScoreAllSearch
from deca_tf.serving._similar_items import (
    AlikeByPopularity,
    SimilarItems,
    described_by_scores,
)
from deca_tf.serving._two_stage_search import TwoStageSearch
from deca_tf.serving._vocabulary import Vocabulary
from deca_tf.serving.retrieval_index import brute_force, scann, streaming
from deca_tf.serving.served_model import ServedModel

BRUTE_FORCE, STREAMING, SCANN = "brute-force", "streaming", "scann"
INDEXES = (BRUTE_FORCE, STREAMING, SCANN)
FLOAT32 = "float32"
DTYPES = (FLOAT32, "float16", "int8")

_CHUNK = 8192  # users whose vectors are computed at once


def assemble(
    model,
    split,
    ks,
    *,
    index=BRUTE_FORCE,
    dtype=FLOAT32,
    retrieval=None,
    candidates=500,
    weights_per_item=None,
    titles=None,
):
    """Makes the graph that is shipped; see `saved_model.export` for the arguments.

    Returns:
        `(served, facts)`: the `ServedModel`, and what the manifest says of its item weights.

    Raises:
        ValueError: sizes differ, scores cannot be traced into a graph, weights are not finite, raw
            ids are equal as strings, or options that do not go together.
        ImportError: see `retrieval_index`.
    """
    target = shippable(model)
    check_sizes("target", target, split)
    make_index = _index_maker(index, dtype)
    prior = None
    popularity = _popularity(target, split)
    known = np.append(split.train.user_activity() > 0, False)
    items = Vocabulary(_distinct("item", split.train.raw_item_ids), "items")
    users = Vocabulary(_distinct("user", split.train.raw_user_ids), "users")
    histories = split.train.to_csr()
    facts = {}
    if has_item_weights(target):
        _refuse_index_options(target, index, dtype, retrieval)
        pruned = prune(target, split, weights_per_item)
        facts["item_weights"] = pruned.facts
        search = HistorySearch(
            pruned.weights, target.histories, target.bonus, known, popularity, prior
        )
        similar = SimilarByWeights(search)
    elif _is_factorized(target):
        if retrieval is not None:
            raise ValueError(
                "`retrieval` finds candidates for a model whose score is no dot product, such as "
                "NeuMF. "
                f"Received: target={target!r}, whose score is one. Leave `retrieval` out."
            )
        search = _index_search(target, known, popularity, histories, make_index, prior)
        vectors = _item_vectors(target, split.num_items)
        # One number tells how much, and of nothing what it is like.
        told_apart = vectors.shape[1] > 1
        similar = (
            SimilarItems(vectors, make_index) if told_apart else AlikeByPopularity(vectors[:, 0])
        )
    else:
        _check_traceable(target)
        target = _with_vectors(target, known)
        for weight in target.trainable_variables:
            _check_finite(weight.path, ops.convert_to_numpy(weight))
        if retrieval is None:
            _refuse_index_options(target, index, dtype)
            search = ScoreAllSearch(target, known, popularity, prior)
        else:
            retrieval = _checked_retrieval(retrieval, split)
            found = _index_search(retrieval, known, popularity, histories, make_index, prior)
            search = TwoStageSearch(found, target, known, split.num_items, candidates, prior)
        described = described_by_scores(target, known[:-1], split.num_items)
        similar = SimilarItems(described, make_index)
    if weights_per_item is not None and not facts:
        raise ValueError(
            "`weights_per_item` is of models with weights from items to items, such as ease. "
            f"Received: weights_per_item={weights_per_item}, target={target!r}. Leave it out."
        )
    stranger = scipy.sparse.csr_array((1, split.num_items), dtype=np.float32)  # has seen nothing
    seen = scipy.sparse.vstack([split.seen().to_csr(), stranger], format="csr")
    served = ServedModel(
        users,
        items,
        search,
        known,
        seen,
        ks,
        similar=similar,
        posterior=_posterior(model, split.num_users),
        titles=titles,
        gives_probabilities=_gives_probabilities(model),
    )
    return served, facts


def shippable(model):
    """The model to ship, refused if it is none."""
    inner = getattr(model, "recommender", model)
    if not isinstance(inner, keras.Model | Baseline):
        raise TypeError(
            "`target` must be a Backbone, a Baseline or another Keras model, or a model with one "
            "as `.recommender`. "
            f"Received: target={model!r} of type {type(model).__name__}."
        )
    return inner


def check_sizes(name, target, split):
    """Refuses a model of other data."""
    expected = split.num_users, split.num_items
    sizes = tuple(
        getattr(target, size, getattr(split, size)) for size in ("num_users", "num_items")
    )
    if sizes != expected:
        raise ValueError(
            f"`{name}` and `split` must have the same (num_users, num_items). "
            f"Received: {name} with {sizes}, split with {expected}. Give the split that the {name} "
            "was trained on."
        )


def _is_factorized(target):
    return getattr(target, "is_factorized", False)


def _checked_retrieval(retrieval, split):
    retrieval = shippable(retrieval)
    if not _is_factorized(retrieval):
        raise ValueError(
            "`retrieval` must be a model whose score is a dot product: MF, GMF, LightGCN or CDAE. "
            f"Received: retrieval={retrieval!r}."
        )
    check_sizes("retrieval", retrieval, split)
    return retrieval


def has_item_weights(target):
    """Whether its scores are sums of weights over the user's history."""
    return isinstance(target, Baseline) and hasattr(target, "weights")


def _popularity(target, split):
    """What answers a user whom the model does not know; of popularity itself, its own counts."""
    return target.counts if isinstance(target, Popularity) else split.train.item_popularity()


def _check_traceable(target):
    if isinstance(target, Baseline):
        raise ValueError(
            "`target` must have `weights` and `histories`, or `query_embedding` and "
            "`candidate_embedding`, to be exported: NumPy cannot be traced into a graph. Received: "
            f"target={target!r}, which has `score_all_items` alone."
        )


def _gives_probabilities(model):
    """Whether the sigmoid of a score is the model's probability of real preference."""
    if isinstance(model, Baseline):
        return False
    return getattr(getattr(model, "denoiser", None), "gives_probabilities", True)


def _refuse_index_options(target, index, dtype, retrieval=None):
    if (index, dtype) != (BRUTE_FORCE, FLOAT32):
        raise ValueError(
            "An index needs vectors of items, which a model whose score is no dot product does not "
            "have. "
            f"Received: index={index!r}, dtype={dtype!r}, target={target!r}. Leave them out, or "
            "give a factorized "
            "model as `retrieval`."
        )
    if retrieval is not None:
        raise ValueError(
            "`retrieval` finds candidates for a network that is slow to score all items, such as "
            f"NeuMF. Received: target={target!r}, which needs none. Leave `retrieval` out."
        )


def _index_maker(index, dtype):
    """Function from item vectors and extras to an index and the table of what it searches."""
    check_choice("index", index, INDEXES)
    check_choice("dtype", dtype, DTYPES)
    if index != STREAMING and dtype != FLOAT32:
        raise ValueError(
            f"Item vectors of type {dtype} are made floats again a part at a time, by the index "
            "'streaming'. "
            f"Received: index={index!r}. Choose index='streaming'."
        )
    return {
        BRUTE_FORCE: _whole,
        STREAMING: functools.partial(_compact, dtype=dtype),
        SCANN: _approximate,
    }[index]


def _whole(vectors, extras):
    index = brute_force(np.column_stack([vectors, extras]).astype(np.float32))
    return index, FullTable(index.across, vectors.shape[1])


def _compact(vectors, extras, dtype):
    table = CompactTable(np.asarray(vectors, np.float32), extras, dtype)
    return streaming(table), table


def _approximate(vectors, extras):
    table = CompactTable(np.asarray(vectors, np.float32), extras, FLOAT32)
    return scann(np.column_stack([vectors, extras]).astype(np.float32)), table


def _index_search(target, known, popularity, histories, make_index, prior=None):
    extras = np.column_stack([popularity] if prior is None else [prior, popularity])
    index, table = make_index(_item_vectors(target, len(popularity)), extras)
    vectors = _user_vectors(target, known)
    if getattr(target, "embeds_histories", False):
        fold_in = TracedFoldIn(target)
    else:
        fold_in = LinearFoldIn(table, histories, vectors[:-1])
    return IndexSearch(index, table, vectors, known, has_prior=prior is not None, fold_in=fold_in)


def _user_vectors(target, known):
    """Users' vectors, `(num_users + 1, dim)`.

    The last row, of zeros, stands for users who are not in the data.
    """
    users = np.arange(len(known) - 1, dtype=np.int32)
    chunks = [
        target.query_embedding(users[start : start + _CHUNK])
        for start in range(0, len(users), _CHUNK)
    ]
    vectors = np.concatenate([ops.convert_to_numpy(chunk) for chunk in chunks]).astype(np.float32)
    _check_finite("query_embedding", vectors[known[:-1]])
    return np.pad(vectors, [[0, 1], [0, 0]])


def _item_vectors(target, num_items):
    vectors = ops.convert_to_numpy(target.candidate_embedding(np.arange(num_items, dtype=np.int32)))
    _check_finite("candidate_embedding", vectors)
    return vectors.astype(np.float32)


def _with_vectors(target, known):
    """An ensemble whose members are asked by their vectors where they have such.

    A LightGCN propagates here, once.
    """
    members = getattr(target, "members", ())
    if not members:
        return target
    return target.with_members(
        *(_as_mf(member, known) if _is_factorized(member) else member for member in members)
    )


def _as_mf(member, known):
    users, items = _user_vectors(member, known)[:-1], _item_vectors(member, member.num_items)
    found = MF(len(users), len(items), embedding_dim=users.shape[1], name=member.name)
    found.user_table.assign(users)
    found.item_table.assign(items)
    return found


def _posterior(model, num_users):
    denoiser = getattr(model, "denoiser", None)
    if denoiser is None or type(denoiser).posterior is Denoiser.posterior:
        return None
    return Posterior(denoiser, num_users)


def _check_finite(name, values):
    count = np.count_nonzero(~np.isfinite(values))
    if count:
        raise ValueError(
            f"`target`'s {name} must be finite. Received: {count} values that are NaN or infinite: "
            "training has "
            "diverged. Train with a lower learning rate."
        )


def _distinct(kind, raw_ids):
    """Raw ids as strings, refused if two become one."""
    strings = [
        raw.decode() if isinstance(raw, bytes) else str(raw) for raw in np.asarray(raw_ids).tolist()
    ]
    names, counts = np.unique(np.asarray(strings, dtype=object), return_counts=True)
    if len(names) < len(strings):
        raise ValueError(
            f"Raw {kind} ids must differ as strings. "
            f"Received: {names[counts > 1][0]!r} for {counts.max()} {kind}s. Rename them in the "
            "data."
        )
    return strings
