"""Runs of five times a recipe's epochs with the test watched.

They are for Figure 3 and for how stable methods are.
"""

import math

from reproduction.grid import Cell

TIMES = 5
LABEL = f"{TIMES}x"
# NeuMF on Adressa learns for half a minute per epoch and is evaluated for another half: three times
# the 10 epochs of normal training, which is all of DeCA's recipe and five times any best epoch up
# to the sixth; a look at the test every other epoch.
AT_MOST = {("adressa", "neumf"): 30}
EVERY = {("adressa", "neumf"): 2}


def long_cell(dataset, protocol, backbone, denoiser):
    """The recipe's cell run five times as long.

    To the end, whatever the validation says; its last weights stay.

    A prior is trained as the recipe says, no longer.
    """
    recipe = Cell(dataset, protocol, backbone, denoiser).config(0)
    epochs = min(TIMES * recipe.training.epochs, AT_MOST.get((dataset, backbone), math.inf))
    overrides = [
        ("training.epochs", epochs),
        ("training.evaluate_every", EVERY.get((dataset, backbone), 1)),
        ("training.keep", "last"),
        ("training.watch_test", True),
        ("training.released_early_stopping", False),
    ]
    if recipe.training.patience is None:
        overrides.append(("training.watch_validation", False))  # it decides nothing
    else:
        overrides.append(("training.patience", epochs))  # never
    if denoiser == "deca-p":
        prior = recipe.prior_training()
        overrides += [
            ("prior.training.epochs", prior.epochs),
            ("prior.training.evaluate_every", prior.evaluate_every),
            ("prior.training.keep", prior.keep),
            ("prior.training.watch_validation", True),
            ("prior.training.watch_test", False),
            ("prior.training.released_early_stopping", prior.released_early_stopping),
        ]
        if prior.patience is not None:
            overrides.append(("prior.training.patience", prior.patience))
    return Cell(dataset, protocol, backbone, denoiser, tuple(overrides), LABEL)


def recipe_epochs(cell):
    """The epochs of the recipe that a long cell was made of."""
    return Cell(cell.dataset, cell.protocol, cell.backbone, cell.denoiser).config(0).training.epochs
