"""Comparators: what a user would pick instead of a denoised model. Same split, same evaluation."""

from deca_tf.comparators.popularity import Popularity

COMPARATORS = {"popularity": Popularity}

__all__ = ["COMPARATORS", "Popularity"]
