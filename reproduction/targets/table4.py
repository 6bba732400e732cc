"""Table 4: other models for h and h', on ModCloth."""

from reproduction.targets.model_selection import ModelSelection


class Table4(ModelSelection):
    """See `ModelSelection`."""

    title = "Table 4: MF, GMF or NeuMF as h and h', ModCloth"
    datasets = ("modcloth",)
    table = 4
