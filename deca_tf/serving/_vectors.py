"""Vectors of users and items, and the search by an index of them."""

import functools

import numpy as np
from keras import ops

from deca_tf._checks import check_choice
from deca_tf.backbones.mf import MF
from deca_tf.serving._fold_in import LinearFoldIn, TracedFoldIn
from deca_tf.serving._index_search import IndexSearch
from deca_tf.serving._item_table import CompactTable, FullTable
from deca_tf.serving.retrieval_index import brute_force, scann, streaming

BRUTE_FORCE, STREAMING, SCANN = "brute-force", "streaming", "scann"
INDEXES = (BRUTE_FORCE, STREAMING, SCANN)
FLOAT32 = "float32"
DTYPES = (FLOAT32, "float16", "int8")

_CHUNK = 8192  # users whose vectors are computed at once


def is_factorized(target):
    """Whether its scores are dot products of vectors."""
    return getattr(target, "is_factorized", False)


def index_maker(index, dtype):
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


def index_search(target, known, popularity, histories, make_index, prior=None):
    extras = np.column_stack([popularity] if prior is None else [prior, popularity])
    index, table = make_index(item_vectors(target, len(popularity)), extras)
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
    check_finite("query_embedding", vectors[known[:-1]])
    return np.pad(vectors, [[0, 1], [0, 0]])


def item_vectors(target, num_items):
    vectors = ops.convert_to_numpy(target.candidate_embedding(np.arange(num_items, dtype=np.int32)))
    check_finite("candidate_embedding", vectors)
    return vectors.astype(np.float32)


def with_vectors(target, known):
    """An ensemble whose members are asked by their vectors where they have such.

    A LightGCN propagates here, once.
    """
    members = getattr(target, "members", ())
    if not members:
        return target
    return target.with_members(
        *(_as_mf(member, known) if is_factorized(member) else member for member in members)
    )


def _as_mf(member, known):
    users, items = _user_vectors(member, known)[:-1], item_vectors(member, member.num_items)
    found = MF(len(users), len(items), embedding_dim=users.shape[1], name=member.name)
    found.user_table.assign(users)
    found.item_table.assign(items)
    return found


def check_finite(name, values):
    count = np.count_nonzero(~np.isfinite(values))
    if count:
        raise ValueError(
            f"`target`'s {name} must be finite. Received: {count} values that are NaN or infinite: "
            "training has "
            "diverged. Train with a lower learning rate."
        )
