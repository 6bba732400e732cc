"""Figure 6: C1 and C2 on the other data sets."""

from reproduction.targets.hyperparameters import Hyperparameters


class Figure6(Hyperparameters):
    """See `Hyperparameters`."""

    title = "Figure 6: recall@20 of GMF by DeCA over C1 and C2, MovieLens-100k, ModCloth and Electronics"
    datasets = ("ml-100k", "modcloth", "electronics")
