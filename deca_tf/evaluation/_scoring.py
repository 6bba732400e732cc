"""Scores of any kind of model, in the way that is fastest for it."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import score_pairs
from deca_tf.trends.trending import Trending

# Scores at once where each is one product: 1 MiB, to stay in a core's own cache.
CHUNK_SCORES = 2**18
CHUNK_ROWS = 64  # users at least in a product, which with fewer takes up to twice as long a score
MOST_SCORES = 2**24  # but never more scores than this, 64 MiB
# Scores at once where each takes a network, with hundreds of values per pair in its layers.
CHUNK_PAIRS = 2**14
# And where the model takes whole users: it works out its items' part once for each chunk.
WHOLE_CHUNK_PAIRS = 2**17
CHUNK_VECTORS = 8192  # users whose vectors are computed at once


def scorer(model, num_items, compiled):
    """How to score with a model.

    Args:
        model: the one that is evaluated, or one of its members.
        num_items: size of the catalogue.
        compiled: TensorFlow's functions by model, which this adds to.

    Returns:
        `(prepare, chunk_size)`; `prepare(users)`, int32 `(n,)`, returns a function from the bounds
        of a slice of them and a float32 array `(stop - start, num_items)`, which it writes their
        scores into.
    """
    if isinstance(model, Trending):
        prepare, rows = scorer(model.scored, num_items, compiled)
        return functools.partial(_raised, prepare, model.prior), rows
    whole_rows = max(CHUNK_SCORES // num_items, min(CHUNK_ROWS, MOST_SCORES // num_items), 1)
    if getattr(model, "is_factorized", False):
        return functools.partial(_products, model), whole_rows
    if not isinstance(model, keras.Model):
        return functools.partial(_rows, model.score_all_items), whole_rows
    members = getattr(model, "members", ())
    if members:
        prepares, sizes = zip(
            *(scorer(member, num_items, compiled) for member in members), strict=True
        )
        if model not in compiled:
            compiled[model] = tf.function(model.combine_scores, jit_compile=True)
        return functools.partial(_combined, compiled[model], prepares), min(sizes)
    takes_users = hasattr(model, "score_all_items")
    if model not in compiled:
        score = (
            model.score_all_items
            if takes_users
            else functools.partial(score_pairs, model, num_items)
        )
        compiled[model] = tf.function(score, jit_compile=getattr(model, "ranks_under_xla", None))
    rows = max(1, (WHOLE_CHUNK_PAIRS if takes_users else CHUNK_PAIRS) // num_items)
    return functools.partial(_rows, lambda users: compiled[model](tf.constant(users))), rows


def _raised(prepare, prior, users):
    """Scores of a model, and of each item its prior."""
    fill = prepare(users)

    def fill_and_add(start, stop, out):
        fill(start, stop, out)
        out += prior

    return fill_and_add


def _products(model, users):
    """Scores of a factorized model: each vector is computed once, a chunk is one matrix product.

    Returns:
        A function from the bounds of a slice of `users` and an array `(stop - start, num_items)`,
        which it fills.
    """
    table = _float32(model.candidate_embedding(np.arange(model.num_items, dtype=np.int32))).T.copy()
    parts = [users[start : start + CHUNK_VECTORS] for start in range(0, len(users), CHUNK_VECTORS)]
    queries = np.concatenate([_float32(model.query_embedding(part)) for part in parts])
    return lambda start, stop, out: np.matmul(queries[start:stop], table, out=out)


def _combined(combine, prepares, users):
    """Scores that a model makes of its members', each asked in its own fastest way."""
    fills = [prepare(users) for prepare in prepares]

    def fill(start, stop, out):
        scores = [np.empty_like(out) for _ in fills]
        for fill_member, of_member in zip(fills, scores, strict=True):
            fill_member(start, stop, of_member)
        np.copyto(out, combine(*scores))

    return fill


def _float32(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def _rows(score, users):
    """Scores of whatever answers for whole rows, as such a function."""

    def fill(start, stop, out):
        received = np.asarray(score(users[start:stop]))
        if received.shape != out.shape:
            raise ValueError(
                f"The model's scores must be of shape (batch, num_items), {out.shape}. "
                f"Received: shape {received.shape}."
            )
        np.copyto(out, received)

    return fill
