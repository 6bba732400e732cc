"""What tables and figures call data sets, models and methods, in the paper's order."""

DATASETS = {
    "ml-100k": "MovieLens-100k",
    "modcloth": "ModCloth",
    "adressa": "Adressa",
    "electronics": "Electronics",
}
BACKBONES = {"mf": "MF", "gmf": "GMF", "neumf": "NeuMF", "cdae": "CDAE", "lightgcn": "LightGCN"}
METHODS = {
    "none": "Normal",
    "wbpr": "WBPR",
    "t-ce": "T-CE",
    "ensemble": "Ensemble",
    "deca": "DeCA",
    "deca-p": "DeCA(p)",
    "deca-dp": "DeCA-DP",
    "deca-dn": "DeCA-DN",
    "deca-p-dp": "DeCA(p)-DP",
    "deca-p-dn": "DeCA(p)-DN",
    "deca-limit": "deca-limit",
}
BASELINES = {
    "popularity": "popularity",
    "item-knn": "item-kNN",
    "ease": "EASE",
    "als": "implicit ALS",
}

PAPER_BACKBONES = ("gmf", "neumf", "cdae", "lightgcn")
PAPER_METHODS = ("none", "wbpr", "t-ce", "ensemble", "deca", "deca-p")
OTHER_METHODS = ("none", "wbpr", "t-ce", "ensemble")
OURS = ("deca", "deca-p")  # the paper's own methods
SHORT = {"recall": "R", "ndcg": "N"}


def dataset_name(dataset):
    """The name in print, or the data set's own where it has none."""
    return DATASETS.get(dataset, dataset)


def short(metric):
    """`recall@20` as `R@20`, as the paper's tables head their columns."""
    name, _, k = metric.partition("@")
    return f"{SHORT.get(name, name)}@{k}"
