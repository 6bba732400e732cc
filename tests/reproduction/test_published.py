"""The paper's tables.

Cells typed once more from the paper, sums over its text, and what the tables share.
"""

import pytest

from reproduction.published import TABLES, published, published_rows

BACKBONES = ("gmf", "neumf", "cdae", "lightgcn")
METHODS = ("none", "wbpr", "t-ce", "ensemble", "deca", "deca-p")
SUB_TASKS = ("deca-dp", "deca-dn", "deca", "deca-p-dp", "deca-p-dn", "deca-p")
MODELS = [
    ("none", "mf"),
    *((denoiser, model) for denoiser in ("deca", "deca-p") for model in ("mf", "gmf", "neumf")),
]

# The corners and some of the middle of each block.
SPOTS = [
    (2, "ml-100k", "gmf", "none", "recall@3", 0.021, 0.001),
    (2, "ml-100k", "gmf", "t-ce", "ndcg@20", 0.054, 0.001),
    (2, "ml-100k", "gmf", "deca", "recall@20", 0.109, 0.007),
    (2, "ml-100k", "neumf", "wbpr", "ndcg@3", 0.038, 0.005),
    (2, "ml-100k", "neumf", "deca-p", "ndcg@20", 0.081, 0.002),
    (2, "ml-100k", "cdae", "ensemble", "recall@3", 0.015, 0.003),
    (2, "ml-100k", "cdae", "deca", "ndcg@3", 0.048, 0.001),
    (2, "ml-100k", "lightgcn", "wbpr", "recall@3", 0.031, 0.000),
    (2, "ml-100k", "lightgcn", "t-ce", "recall@20", 0.080, 0.007),
    (2, "modcloth", "gmf", "none", "recall@20", 0.225, 0.008),
    (2, "modcloth", "gmf", "deca-p", "ndcg@20", 0.100, 0.000),
    (2, "modcloth", "neumf", "wbpr", "recall@20", 0.247, 0.020),
    (2, "modcloth", "neumf", "t-ce", "ndcg@5", 0.044, 0.010),
    (2, "modcloth", "cdae", "deca-p", "recall@5", 0.089, 0.004),
    (2, "modcloth", "lightgcn", "ensemble", "ndcg@20", 0.090, 0.000),
    (2, "adressa", "gmf", "wbpr", "recall@5", 0.115, 0.007),
    (2, "adressa", "neumf", "t-ce", "ndcg@20", 0.183, 0.002),
    (2, "adressa", "neumf", "deca-p", "recall@5", 0.183, 0.009),
    (2, "adressa", "cdae", "wbpr", "ndcg@20", 0.173, 0.004),
    (2, "adressa", "lightgcn", "none", "recall@5", 0.085, 0.004),
    (2, "adressa", "lightgcn", "deca-p", "ndcg@20", 0.125, 0.000),
    (3, "modcloth", "gmf", "deca-dp", "ndcg@20", 0.098, None),
    (3, "modcloth", "gmf", "deca-dn", "recall@5", 0.051, None),
    (3, "modcloth", "neumf", "deca-dn", "ndcg@5", 0.027, None),
    (3, "modcloth", "neumf", "deca-p-dp", "recall@20", 0.268, None),
    (3, "modcloth", "cdae", "deca-p-dn", "recall@5", 0.073, None),
    (3, "modcloth", "lightgcn", "deca-dn", "recall@20", 0.240, None),
    (3, "modcloth", "lightgcn", "deca-p", "ndcg@20", 0.096, None),
    (5, "electronics", "gmf", "ensemble", "recall@50", 0.034, 0.001),
    (5, "electronics", "gmf", "deca", "recall@10", 0.045, 0.001),
    (5, "electronics", "neumf", "t-ce", "recall@50", 0.189, 0.008),
    (5, "electronics", "neumf", "wbpr", "recall@50", 0.201, 0.001),
    (5, "electronics", "cdae", "t-ce", "recall@50", 0.187, 0.010),
    (5, "electronics", "cdae", "deca-p", "ndcg@50", 0.075, 0.000),
    (5, "electronics", "lightgcn", "none", "recall@10", 0.024, 0.000),
    (5, "electronics", "lightgcn", "deca-p", "recall@50", 0.104, 0.001),
]
# Of GMF, with the model of h and h'.
MODEL_SPOTS = [
    (4, "modcloth", "none", "mf", "recall@5", 0.0629),
    (4, "modcloth", "deca", "gmf", "recall@20", 0.2453),
    (4, "modcloth", "deca", "neumf", "ndcg@20", 0.0991),
    (4, "modcloth", "deca-p", "mf", "recall@20", 0.2465),
    (4, "modcloth", "deca-p", "neumf", "recall@5", 0.0751),
    (6, "ml-100k", "none", "mf", "recall@3", 0.0214),
    (6, "ml-100k", "deca", "gmf", "recall@3", 0.0186),
    (6, "ml-100k", "deca-p", "neumf", "ndcg@3", 0.0539),
    (6, "adressa", "deca", "mf", "recall@20", 0.2253),
    (6, "adressa", "deca", "neumf", "recall@5", 0.1268),
    (6, "adressa", "deca-p", "gmf", "ndcg@20", 0.1245),
    (6, "electronics", "none", "mf", "recall@50", 0.0633),
    (6, "electronics", "deca", "gmf", "ndcg@50", 0.0368),
    (6, "electronics", "deca-p", "neumf", "ndcg@50", 0.0386),
]
# Number and sum of a table's means, and sum of its standard deviations, taken from the paper's text
# as it stands.
SUMS = {
    2: (288, 32.286, 0.643),
    3: (96, 11.045, None),
    4: (28, 3.2384, None),
    5: (96, 6.174, 0.067),
    6: (84, 6.911, None),
}


def figures(table):
    return [figure for row in published_rows(table) for figure in published(table, *row).values()]


@pytest.mark.parametrize(
    ("table", "dataset", "backbone", "denoiser", "metric", "mean", "std"), SPOTS
)
def test_cells_are_the_papers(table, dataset, backbone, denoiser, metric, mean, std):
    assert published(table, dataset, backbone, denoiser)[metric] == (mean, std)


@pytest.mark.parametrize(
    ("table", "dataset", "denoiser", "noise_model", "metric", "mean"), MODEL_SPOTS
)
def test_cells_of_other_noise_models_are_the_papers(
    table, dataset, denoiser, noise_model, metric, mean
):
    assert published(table, dataset, "gmf", denoiser, noise_model)[metric] == (mean, None)


@pytest.mark.parametrize("table", TABLES)
def test_sums_are_the_papers(table):
    number, sum_of_means, sum_of_stds = SUMS[table]
    means, stds = zip(*figures(table), strict=True)
    assert len(means) == number
    assert sum(means) == pytest.approx(sum_of_means, abs=1e-9)
    assert all(0 < mean < 1 for mean in means)
    if sum_of_stds is None:
        assert set(stds) == {None}
    else:
        assert min(stds) >= 0
        assert sum(stds) == pytest.approx(sum_of_stds, abs=1e-9)


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (
            2,
            [
                (data, b, m, "mf")
                for data in ("ml-100k", "modcloth", "adressa")
                for b in BACKBONES
                for m in METHODS
            ],
        ),
        (3, [("modcloth", b, m, "mf") for b in BACKBONES for m in SUB_TASKS]),
        (4, [("modcloth", "gmf", *model) for model in MODELS]),
        (5, [("electronics", b, m, "mf") for b in BACKBONES for m in METHODS]),
        (
            6,
            [
                (data, "gmf", *model)
                for data in ("ml-100k", "adressa", "electronics")
                for model in MODELS
            ],
        ),
    ],
)
def test_every_cell_is_there(table, rows):
    assert published_rows(table) == rows
    for row in rows:
        short, long = {"ml-100k": (3, 20), "electronics": (10, 50)}.get(row[0], (5, 20))
        assert list(published(table, *row)) == [
            f"{name}@{k}" for name in ("recall", "ndcg") for k in (short, long)
        ]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("denoiser", ["deca", "deca-p"])
def test_table_3_repeats_table_2(backbone, denoiser):
    overall, alone = (published(table, "modcloth", backbone, denoiser) for table in (2, 3))
    assert {metric: mean for metric, (mean, _) in alone.items()} == {
        metric: mean for metric, (mean, _) in overall.items()
    }


@pytest.mark.parametrize(
    ("table", "dataset", "overall"),
    [(4, "modcloth", 2), (6, "ml-100k", 2), (6, "adressa", 2), (6, "electronics", 5)],
)
def test_tables_of_noise_models_repeat_normal_training(table, dataset, overall):
    """Shows, too, that Table 6's lists of 5 on MovieLens are Table 2's of 3.

    DeCA's own rows are not so exact.
    """
    coarse, fine = (published(number, dataset, "gmf", "none") for number in (overall, table))
    assert list(coarse) == list(fine)
    for metric, (mean, _) in fine.items():
        assert mean == pytest.approx(coarse[metric][0], abs=0.00061)


def test_changing_an_answer_changes_no_later_one():
    published(2, "ml-100k", "gmf", "deca").clear()
    assert len(published(2, "ml-100k", "gmf", "deca")) == 4


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((1, "ml-100k", "gmf", "deca"), "`table` must be one of 2, 3, 4, 5, 6. Received: table=1"),
        (
            (2, "electronics", "gmf", "deca"),
            "`dataset` must be one of .*'adressa'. Received: dataset='electronics'",
        ),
        (
            (2, "ml-100k", "mf", "deca"),
            "`backbone` must be one of .*Received: backbone='mf'.*Did you mean 'gmf'?",
        ),
        (
            (4, "modcloth", "neumf", "deca"),
            "`backbone` must be one of 'gmf'. Received: backbone='neumf'",
        ),
        (
            (2, "ml-100k", "gmf", "deca-dp"),
            "`denoiser` must be one of .*Received: denoiser='deca-dp'",
        ),
        (
            (2, "ml-100k", "gmf", "deca", "gmf"),
            "`noise_model` must be one of 'mf'. Received: noise_model='gmf'",
        ),
        (
            (6, "adressa", "gmf", "none", "gmf"),
            "`noise_model` must be one of 'mf'. Received: noise_model='gmf'",
        ),
    ],
)
def test_rows_that_are_not_there_are_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        published(*asked)
