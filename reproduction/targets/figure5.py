"""Figure 5: C1 and C2 on Adressa."""

from reproduction.targets.hyperparameters import Hyperparameters


class Figure5(Hyperparameters):
    """See `Hyperparameters`."""

    title = "Figure 5: recall@20 of GMF by DeCA over C1 and C2, Adressa"
    datasets = ("adressa",)
