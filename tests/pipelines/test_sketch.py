"""Counting different values without holding them."""

import numpy as np

from pipelines.sketch import SIZE, Distinct

RNG = np.random.default_rng(0)
HASHES = RNG.integers(0, 2**64, 60_000, np.uint64)


def test_few_values_are_counted_exactly():
    some = Distinct.of(np.repeat(HASHES[:1000], 3))
    assert some.count == 1000
    assert (some | Distinct.of(HASHES[500:1500])).count == 1500
    assert Distinct.of(HASHES[:0]).count == 0


def test_many_values_are_estimated_to_a_few_percent():
    assert abs(Distinct.of(HASHES).count / 60_000 - 1) < 0.05
    assert len(Distinct.of(HASHES).hashes) == SIZE


def test_what_two_sets_share():
    first, second = Distinct.of(HASHES[:40_000]), Distinct.of(HASHES[30_000:])
    assert abs(first.share_in(second) - 0.25) < 0.03
    assert abs(second.share_in(first) - 1 / 3) < 0.03
    few = Distinct.of(HASHES[:100])
    assert few.share_in(first) == 1.0 and first.share_in(few) < 0.02
    assert Distinct.of(HASHES[:0]).share_in(first) == 0.0


def test_merging_is_the_sketch_of_the_union():
    merged = Distinct.of(HASHES[:40_000]) | Distinct.of(HASHES[30_000:])
    np.testing.assert_array_equal(merged.hashes, Distinct.of(HASHES).hashes)
    np.testing.assert_array_equal(Distinct(merged.to_list()).hashes, merged.hashes)
