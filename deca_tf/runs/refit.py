"""The second stage of a run: what the validation has chosen, learned anew from all before the test.

The first stage leaves the number of epochs and what it saw in `choice.json`, so that a run that is
interrupted in the second goes on there.
"""

from deca_tf.data import schema
from deca_tf.runs.folder import RunFolder

# Of `[training]`, in the second stage: no validation is left to look at.
UNWATCHED = {
    "keep": "last",
    "patience": None,
    "watch_validation": False,
    "released_early_stopping": False,
    "refit": False,
}


def refits(config, split):
    """Whether a run learns twice: from train, and then from train and validation."""
    refit = config.training.refit
    return split.protocol == schema.TIMELINE if refit is None else refit


def choice_of(folder, history, notes):
    """What the first stage has chosen, as JSON can hold it.

    Args:
        folder: the `RunFolder`, which may hold the prior's run.
        history, notes: as `train` returns them.

    Returns:
        `{"epochs", "prior_epochs", "history", "notes"}`; `prior_epochs` is None without a prior
        of the run's own.
    """
    prior, prior_epochs = RunFolder(folder.prior), None
    if prior.is_finished:
        found = prior.read_metrics()
        prior_epochs = found["best_epoch"] or found["train"]["epochs"]
    return {
        "epochs": notes["best_epoch"] or len(history),
        "prior_epochs": prior_epochs,
        "history": history,
        "notes": notes,
    }


def second_stage(config, choice):
    """The `Config` that learns what was chosen, without a look at any validation."""
    training = {**UNWATCHED, "epochs": choice["epochs"]}
    prior = dict(config.prior.training)
    if choice["prior_epochs"] is not None:
        prior |= {**UNWATCHED, "epochs": choice["prior_epochs"]}
    return config.model_copy(
        update={
            "training": config.training.model_copy(update=training),
            "prior": config.prior.model_copy(update={"training": prior}),
        }
    )
