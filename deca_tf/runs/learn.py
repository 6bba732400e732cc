"""Makes the model of a run that learns at once: a baseline."""

import time

from deca_tf.evaluation import evaluate
from deca_tf.runs.models import MODELS
from deca_tf.runs.seeds import role_seed
from deca_tf.runs.train import MONITOR_K


def learn(config, split):
    """Makes the baseline of a config, and looks at its validation.

    Args:
        config: a `Config` whose model learns at once.
        split: the `Split`; its test is not looked at.

    Returns:
        As `deca_tf.runs.train.train`: `(model, history, notes)`, the history one row.
    """
    began = time.perf_counter()
    model = make_baseline(config, split.train)
    seconds = time.perf_counter() - began
    history = {"epoch": 1, "seconds": seconds}
    if config.training.watch_validation and len(split.validation):
        found = evaluate(model, split, part="validation", ks=(MONITOR_K,))
        history |= {f"val_{name}": value for name, value in found.metrics.items()}
    notes = {
        "train": {"seconds": seconds, "epochs": 0, "wall_seconds": time.perf_counter() - began},
        "best_epoch": None,
        "collapsed": None,
    }
    return model, [history], notes


def make_baseline(config, interactions):
    """The baseline of a config, of these `Interactions`; its seed is the run's, if it has one."""
    name, options = config.backbone.name, dict(config.backbone.model_extra)
    if "seed" in MODELS.options(name):
        options.setdefault("seed", role_seed(config, "target"))
    return MODELS.build(name, options=options, interactions=interactions)
