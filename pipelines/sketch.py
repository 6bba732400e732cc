"""How many different values there are, and how many two sets share, without holding them."""

import numpy as np

SIZE = 4096  # hashes kept: estimates are off by about 1.6 %
RANGE = 2.0**64


class Distinct:
    """The smallest hashes of a set: exact up to `SIZE` values, an estimate beyond.

    Source: Bar-Yossef et al., "Counting distinct elements in a data stream", RANDOM 2002 (k minimum
    values).

    Args:
        hashes: distinct uint64, ascending, `SIZE` at most.
    """

    def __init__(self, hashes):
        self.hashes = np.asarray(hashes, np.uint64)

    @classmethod
    def of(cls, hashes):
        """Of uint64 hashes, repeated ones included."""
        return cls(np.unique(hashes)[:SIZE])

    def __or__(self, other):
        return Distinct.of(np.concatenate([self.hashes, other.hashes]))

    @property
    def count(self):
        """Number of different values."""
        if len(self.hashes) < SIZE:
            return float(len(self.hashes))
        return (SIZE - 1) * RANGE / float(self.hashes[-1])

    def share_in(self, other):
        """Share of this set's values that another set has, 0 to 1; 0 of an empty set."""
        both = self | other
        if not len(self.hashes):
            return 0.0
        kept = both.hashes  # a fair sample of the union
        mine, theirs = np.isin(kept, self.hashes), np.isin(kept, other.hashes)
        return float((mine & theirs).sum() / max(1, mine.sum()))

    def to_list(self):
        """For JSON."""
        return self.hashes.tolist()
