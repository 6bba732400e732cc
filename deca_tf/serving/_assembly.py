"""From a trained model and its split to the graph that is shipped."""

import keras
import numpy as np
import scipy.sparse
from keras import ops

from deca_tf.baselines.baseline import Baseline
from deca_tf.baselines.popularity import Popularity
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.serving._fold_in import TracedFoldIn
from deca_tf.serving._history_search import HistorySearch, SimilarByWeights
from deca_tf.serving._index_search import IndexSearch
from deca_tf.serving._posterior import Posterior
from deca_tf.serving._pruning import prune
from deca_tf.serving._score_all_search import ScoreAllSearch
from deca_tf.serving._similar_items import (
    AlikeByPopularity,
    SimilarItems,
    described_by_scores,
)
from deca_tf.serving._two_stage_search import TwoStageSearch
from deca_tf.serving._vectors import (
    BRUTE_FORCE,
    FLOAT32,
    SCANN,
    check_finite,
    index_maker,
    index_search,
    is_factorized,
    item_vectors,
    with_vectors,
)
from deca_tf.serving._vocabulary import Vocabulary
from deca_tf.serving.served_model import ServedModel
from deca_tf.trends.trending import Trending

KINDS = {HistorySearch: "histories", IndexSearch: "vectors", ScoreAllSearch: "network"}


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
        `(served, facts)`: the `ServedModel`, and what the manifest says of its item weights and of
        how it can be refreshed.

    Raises:
        ValueError: sizes differ, scores cannot be traced into a graph, weights are not finite, raw
            ids are equal as strings, or options that do not go together.
        ImportError: see `retrieval_index`.
    """
    trend, model = taken_apart(model)
    target = shippable(model)
    check_sizes("target", target, split)
    make_index = index_maker(index, dtype)
    prior = None if trend is None else trend.prior
    times = getattr(split.train, "timestamp", None)
    popularity = _popularity(trend or target, split)
    known = np.append(split.train.user_activity() > 0, False)
    items = Vocabulary(_distinct("item", split.train.raw_item_ids), "items")
    users = Vocabulary(_distinct("user", split.train.raw_user_ids), "users")
    histories = split.train.to_csr()
    facts = {}
    if isinstance(target, Popularity):
        _refuse_index_options(target, index, dtype, retrieval)
        nothing = scipy.sparse.csr_array((split.num_items, split.num_items), dtype=np.float32)
        search = HistorySearch(nothing, histories, target.counts, known, popularity, prior)
        similar = AlikeByPopularity(popularity)
    elif has_item_weights(target):
        _refuse_index_options(target, index, dtype, retrieval)
        pruned = prune(target, split, weights_per_item)
        facts["item_weights"] = pruned.facts
        search = HistorySearch(
            pruned.weights, target.histories, target.bonus, known, popularity, prior
        )
        similar = SimilarByWeights(search)
    elif is_factorized(target):
        if retrieval is not None:
            raise ValueError(
                "`retrieval` finds candidates for a model whose score is no dot product, such as "
                "NeuMF. "
                f"Received: target={target!r}, whose score is one. Leave `retrieval` out."
            )
        search = index_search(target, known, popularity, histories, make_index, prior)
        similar = SimilarItems(item_vectors(target, split.num_items), make_index)
    else:
        _check_traceable(target)
        target = with_vectors(target, known)
        for weight in target.trainable_variables:
            check_finite(weight.path, ops.convert_to_numpy(weight))
        if retrieval is None:
            _refuse_index_options(target, index, dtype)
            search = ScoreAllSearch(target, known, popularity, prior)
        else:
            retrieval = _checked_retrieval(retrieval, split)
            found = index_search(retrieval, known, popularity, histories, make_index, prior)
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
        trend=None if trend is None else (split.train.item_popularity(), popularity),
    )
    facts["refresh"] = {
        "search": KINDS.get(type(search)) if index != SCANN else None,
        "has_prior": prior is not None,
        "encodes_histories": _encodes_histories(search, target),
        "history_half_life": getattr(target, "half_life", None),
        "popularity_half_life": _popularity_half_life(trend, target),
        **_bonus_facts(target, split),
        "trend_weight": None if trend is None else trend.weight,
        "newest": None if times is None else int(times.max(initial=0)),
    }
    return served, facts


def _encodes_histories(search, target):
    """How users' vectors follow from their histories: 'exactly', 'approximately' or None."""
    fold_in = getattr(search, "fold_in", None)
    if fold_in is None:
        return None
    knows_ages = getattr(target, "half_life", None) is not None
    return "exactly" if isinstance(fold_in, TracedFoldIn) and not knows_ages else "approximately"


def taken_apart(model):
    """`(trend, model)`: a `Trending` or None, and the model without it."""
    return (model, model.model) if isinstance(model, Trending) else (None, model)


def _bonus_facts(target, split):
    """How much a click adds to an item's bonus, and after how many days half of it."""
    if isinstance(target, Popularity):
        return {"bonus_scale": 1.0, "bonus_half_life": target.half_life}
    bonus = getattr(target, "bonus", None)
    if not has_item_weights(target) or not len(split.train):
        return {"bonus_scale": None, "bonus_half_life": None}
    return {
        "bonus_scale": float(bonus.sum(dtype=np.float64)) / len(split.train),
        "bonus_half_life": None,
    }


def _popularity_half_life(trend, target):
    """Days after which a click counts half in what answers strangers; None: it never fades."""
    fading = trend if trend is not None else target if isinstance(target, Popularity) else None
    return getattr(fading, "half_life", None)


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


def _checked_retrieval(retrieval, split):
    retrieval = shippable(retrieval)
    if not is_factorized(retrieval):
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
    """What answers a user whom the model does not know, where the model has nothing of its own."""
    own = getattr(target, "for_strangers", None)
    return split.train.item_popularity() if own is None else own


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


def _posterior(model, num_users):
    denoiser = getattr(model, "denoiser", None)
    if denoiser is None or type(denoiser).posterior is Denoiser.posterior:
        return None
    return Posterior(denoiser, num_users)


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
