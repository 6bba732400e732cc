"""Pairs by user: the same from a table and from a stream, whatever is sorted at once."""

import numpy as np
import pytest

from deca_tf.data import _observed as observed
from deca_tf.data._observed import ObservedPairs

USERS, ITEMS = 9, 12


@pytest.fixture(params=[1, 7, 1 << 20], autouse=True)
def chunk(request, monkeypatch):
    monkeypatch.setattr(observed, "CHUNK_PAIRS", request.param)


@pytest.fixture
def keys():
    """User 0 and the last one have nothing, user 4 has every item."""
    rng = np.random.default_rng(0)
    drawn = rng.choice((USERS - 2) * ITEMS, 30, replace=False) + ITEMS
    return rng.permutation(np.union1d(drawn, np.arange(4 * ITEMS, 5 * ITEMS)))


def blocks(keys, sizes=(3, 0, 11, 100)):
    ends = np.minimum(np.cumsum(sizes), len(keys))
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        users, items = np.divmod(keys[start:end], ITEMS)
        yield {"user_id": users.astype(np.int32), "item_id": items.astype(np.int32)}


def of_stream(keys):
    return ObservedPairs.of_stream(lambda: blocks(keys), USERS, ITEMS)


@pytest.mark.parametrize(
    "make", [of_stream, lambda keys: ObservedPairs.of_keys(keys, USERS, ITEMS)]
)
def test_items_of_each_user_in_rising_order(make, keys):
    pairs = make(keys)
    assert (len(pairs), pairs.num_users, pairs.items.dtype) == (len(keys), USERS, np.int32)
    for user in range(USERS):
        expected = np.sort(keys[keys // ITEMS == user] % ITEMS)
        np.testing.assert_array_equal(
            pairs.items[pairs.first[user] : pairs.first[user + 1]], expected
        )
    np.testing.assert_array_equal(pairs.degree, np.bincount(keys // ITEMS, minlength=USERS))
    np.testing.assert_array_equal(pairs.users(), np.sort(keys) // ITEMS)
    np.testing.assert_array_equal(np.concatenate(list(pairs.sorted_keys())), np.sort(keys))
    matrix = np.zeros(USERS * ITEMS)
    matrix[keys] = 1
    np.testing.assert_array_equal(pairs.to_csr().toarray().reshape(-1), matrix)


def test_repeated_pairs_count_once_in_a_table_and_are_refused_in_a_stream(keys):
    twice = np.append(keys, keys[:2])
    assert len(ObservedPairs.of_keys(twice, USERS, ITEMS)) == len(keys)
    with pytest.raises(ValueError, match="A pair must come once .*pairs that come again"):
        of_stream(twice)


def test_gaps_are_what_is_left_before_each_item(keys):
    pairs = of_stream(keys)
    weight = np.random.default_rng(1).integers(0, 5, ITEMS)
    for given, lengths in (
        ((), np.ones(ITEMS, int)),
        ((np.cumsum(weight) - weight, weight), weight),
    ):
        gaps, whole = pairs.gaps(*given)
        assert gaps.dtype == np.int32
        for user in range(USERS):
            cut = pairs.items[pairs.first[user] : pairs.first[user + 1]]
            expected = [
                sum(lengths[other] for other in range(item) if other not in cut) for item in cut
            ]
            np.testing.assert_array_equal(gaps[pairs.first[user] : pairs.first[user + 1]], expected)
            assert whole[user] == lengths[cut].sum()


def test_lengths_beyond_32_bits_are_counted_in_64(keys):
    weight = np.full(ITEMS, 2**30)
    gaps, whole = of_stream(keys).gaps(np.cumsum(weight) - weight, weight)
    assert gaps.dtype == np.int64
    assert whole[4] == ITEMS * 2**30


def test_no_pairs_at_all():
    pairs = of_stream(np.zeros(0, int))
    assert (len(pairs), pairs.to_csr().nnz, pairs.users().tolist()) == (0, 0, [])
    assert sum(map(len, pairs.sorted_keys())) == 0
