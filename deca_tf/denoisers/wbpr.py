"""Popular items as negatives: what this user left alone was probably seen, and not liked."""

from deca_tf.denoisers.cross_entropy import CrossEntropy


class WBPR(CrossEntropy):
    """Normal training on negatives drawn in proportion to the items' popularity.

    Source: Gantner et al., "Personalized ranking for non-uniformly sampled items", 2012 (WBPR).
    Differs: there the loss compares the two items of a pair (BPR); here, as in the DeCA paper's
    comparison, it is the cross-entropy that all methods share, so that only the negatives differ
    from normal training.

    Stability: stable.
    """

    negatives = "popularity"
