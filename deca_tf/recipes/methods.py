"""How models learn on any data, where neither the user nor his own recipe says otherwise."""

import copy
from typing import Any

from deca_tf.recipes import matching, merge

# Models in closed form: no denoiser, and nothing of `[training]` that is about a loop.
AT_ONCE = ("popularity", "item-knn", "ease", "als")
# Models with an objective of their own, which a recipe's `[denoiser]` would not fit.
LEARNS_BY: dict[str, str] = {"elsa": "nmse"}
# As a recipe's variants.
VARIANTS: tuple[dict[str, Any], ...] = (
    {
        "when": {"backbone": "elsa"},
        "training": {
            "users_per_batch": 128,
            "l2": 0.0,
            "learning_rate": 0.05,
            "epochs": 40,
            "patience": 10,
        },
    },
    {
        "when": {"backbone": "cdae", "denoiser": "multinomial"},
        "training": {"learning_rate": 0.01, "epochs": 100, "patience": 10},
    },
)
WITHOUT_LOOP = ("monitor", "refit")  # of `[training]`, what means something without a loop


def learns_at_once(model):
    """Whether a model of ours learns in closed form, so that there is no loop to set."""
    return model in AT_ONCE


def own_denoiser(model):
    """The denoiser that a model of ours learns by where nobody names one; None: the recipe's."""
    return "none" if learns_at_once(model) else LEARNS_BY.get(model)


def method_settings(chosen):
    """The tables that hold for a model and a denoiser on any data; `chosen` as for `matching`."""
    return matching(copy.deepcopy(VARIANTS), chosen, __name__)


def with_own_denoiser(tables, overrides, is_shipped):
    """A recipe's tables, with the model's own denoiser where nobody names another.

    Args:
        tables: of the recipe.
        overrides: what the user set.
        is_shipped: whether the recipe is one of ours, which names a denoiser for other models.
    """
    own = own_denoiser(_name_in(merge(tables, overrides), "backbone"))
    named = _name_in(overrides, "denoiser") or (not is_shipped and _name_in(tables, "denoiser"))
    return tables if own is None or named else {**tables, "denoiser": {"name": own}}


def refuse_loop(model, denoiser, overrides):
    """Refuses what a user sets of noise or of a loop, where the model learns at once.

    Raises:
        ValueError: naming the setting.
    """
    if not learns_at_once(model):
        return
    if denoiser != "none":
        raise ValueError(
            f"`denoiser` must be 'none' with model {model!r}, which learns at once, without a loss. "
            f"Received: denoiser={denoiser!r}. Leave it out, or choose 'none'."
        )
    for key, value in overrides.get("training", {}).items():
        if key not in WITHOUT_LOOP:
            raise ValueError(
                f"`training.{key}` must be left out with model {model!r}, which learns at once, "
                f"without a loop. Received: training.{key}={value!r}."
            )


def _name_in(tables, table):
    found = tables.get(table)
    return found.get("name") if isinstance(found, dict) else None
