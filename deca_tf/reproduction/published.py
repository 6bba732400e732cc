"""The paper's numbers, to compare with."""

# Table 2, GMF: (recall@20, ndcg@20).
TABLE_2_GMF = {
    ("ml-100k", "none"): (0.095, 0.059),
    ("ml-100k", "deca"): (0.109, 0.064),
    ("ml-100k", "deca-p"): (0.099, 0.066),
    ("modcloth", "none"): (0.225, 0.088),
    ("modcloth", "deca"): (0.245, 0.099),
    ("modcloth", "deca-p"): (0.247, 0.100),
}

# How far our mean may be away to count as reproduced: three seeds of ours, three of theirs, and their rounding.
TOLERANCE = {"ml-100k": (0.006, 0.006), "modcloth": (0.015, 0.015)}
