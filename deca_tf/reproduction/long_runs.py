"""Runs of five times a recipe's epochs with the test watched, for Figure 3 and for how stable methods are."""

from deca_tf.reproduction.grid import Cell

TIMES = 5
LABEL = f"{TIMES}x"


def long_cell(dataset, protocol, backbone, denoiser):
    """The recipe's cell run five times as long: to the end, whatever the validation says; its last weights stay.

    A prior is trained as the recipe says, no longer.
    """
    recipe = Cell(dataset, protocol, backbone, denoiser).config(0)
    epochs = TIMES * recipe.training.epochs
    overrides = [
        ("training.epochs", epochs),
        ("training.keep", "last"),
        ("training.watch_test", True),
        ("training.released_early_stopping", False),
    ]
    if recipe.training.patience is not None:
        overrides.append(("training.patience", epochs))  # never
    if denoiser == "deca-p":
        prior = recipe.prior_training()
        overrides += [
            ("prior.training.epochs", prior.epochs),
            ("prior.training.keep", prior.keep),
            ("prior.training.watch_test", False),
            ("prior.training.released_early_stopping", prior.released_early_stopping),
        ]
        if prior.patience is not None:
            overrides.append(("prior.training.patience", prior.patience))
    return Cell(dataset, protocol, backbone, denoiser, tuple(overrides), LABEL)


def recipe_epochs(cell):
    """The epochs of the recipe that a long cell was made of."""
    return dict(cell.overrides)["training.epochs"] // TIMES
