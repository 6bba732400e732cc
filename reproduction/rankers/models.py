"""The models, and what of each is searched, one setting after the other."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Ranker:
    """A model and the settings that are tried.

    Args:
        settings: tables of a run.
        axes: `{"table.key": values}`, searched in this order: the best value of one is kept while
            the next is tried. The first value of each is where the search begins.
        is_baseline: whether it stood in our tables before, and so is what to beat.
        is_random: whether seeds differ.
        together: names in `axes` that are tried in all combinations, but on large logs.
        may_trend: whether a trend is tried on top, where clicks have times.
    """

    settings: dict
    axes: dict
    is_baseline: bool = False
    is_random: bool = False
    together: tuple = ()
    may_trend: bool = True


HALF_LIFE = "backbone.half_life"  # left out where clicks have no times
_L2 = (500.0, 200.0, 1000.0, 5000.0, 20000.0)
_BONUS = {"backbone.popularity_weight": (0.0, 0.3, 1.0)}
_LONG = {"l2": 0.0, "epochs": 60, "patience": 8}
_SOFTMAX = {
    "denoiser.temperature": (0.2, 0.1, 0.5, 1.0),
    "training.learning_rate": (0.01, 0.003, 0.03),
    "backbone.item_bias": (False, True),
}

RANKERS = {
    "popularity": Ranker(
        {"backbone": {"name": "popularity"}}, {}, is_baseline=True, may_trend=False
    ),
    "popularity, decayed": Ranker(
        {"backbone": {"name": "popularity"}},
        {HALF_LIFE: (None, 1.0, 3.0, 7.0, 14.0, 30.0, 90.0)},
        may_trend=False,
    ),
    "item-knn": Ranker(
        {"backbone": {"name": "item-knn"}},
        {
            "backbone.k": (200, 50, 500),
            "backbone.shrink": (30.0, 0.0, 100.0, 1000.0),
            "backbone.popularity_weight": (0.0, 1.0, 3.0),
        },
        is_baseline=True,
        together=("backbone.k", "backbone.shrink", "backbone.popularity_weight"),
        may_trend=False,
    ),
    "ease": Ranker(
        {"backbone": {"name": "ease"}},
        {"backbone.l2": _L2, **_BONUS},
        is_baseline=True,
        together=("backbone.l2", "backbone.popularity_weight"),
        may_trend=False,
    ),
    "als, as before": Ranker(
        {"backbone": {"name": "als", "frequency_scaling": 0.0}},
        {
            "backbone.l2": (0.01, 0.03, 0.1),
            "backbone.unobserved_weight": (1.0, 0.2),
            "backbone.factors": (64, 128),
            **_BONUS,
        },
        is_baseline=True,
        is_random=True,
        may_trend=False,
    ),
    "ease, in full": Ranker(
        {"backbone": {"name": "ease"}},
        {
            "backbone.l2": _L2,
            "backbone.user_weight": (0.0, 0.25, 0.5, 1.0),
            "backbone.dropout": (0.0, 0.3),
            **_BONUS,
            HALF_LIFE: (None, 7.0, 30.0, 90.0),
        },
        together=(
            "backbone.l2",
            "backbone.user_weight",
            "backbone.dropout",
            "backbone.popularity_weight",
        ),
    ),
    "als": Ranker(
        {"backbone": {"name": "als"}},
        {
            "backbone.l2": (0.01, 0.003, 0.03, 0.1),
            "backbone.unobserved_weight": (0.1, 0.02, 0.3, 1.0),
            "backbone.factors": (64, 128),
            "backbone.frequency_scaling": (1.0, 0.5),
            **_BONUS,
        },
        is_random=True,
    ),
    "elsa": Ranker(
        {"backbone": {"name": "elsa"}},
        {"training.learning_rate": (0.1, 0.03)},
        is_random=True,
    ),
    "mf, softmax": Ranker(
        {
            "backbone": {"name": "mf", "cosine": True, "embedding_dim": 64},
            "denoiser": {"name": "softmax"},
            "training": _LONG,
        },
        _SOFTMAX,
        is_random=True,
    ),
    "lightgcn, softmax": Ranker(
        {
            "backbone": {"name": "lightgcn", "cosine": True},
            "denoiser": {"name": "softmax"},
            "training": _LONG,
        },
        {"denoiser.temperature": (0.2, 0.1, 0.5), "training.learning_rate": (0.01, 0.003)},
        is_random=True,
    ),
    "cdae, multinomial": Ranker(
        {
            "backbone": {"name": "cdae"},
            "denoiser": {"name": "multinomial"},
            "training": {"penalty": "squares", **_LONG},
        },
        {"training.learning_rate": (0.001, 0.003, 0.01)},
        is_random=True,
    ),
}
