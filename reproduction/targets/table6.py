"""Table 6: other models for h and h', on the other data sets."""

from reproduction.targets.model_selection import ModelSelection


class Table6(ModelSelection):
    """See `ModelSelection`."""

    title = "Table 6: MF, GMF or NeuMF as h and h', MovieLens-100k, Adressa and Electronics"
    datasets = ("ml-100k", "adressa", "electronics")
    table = 6
