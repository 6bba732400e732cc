"""Search for settings by Keras Tuner: what is searched, how, and what was found."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.tuning.hparams import write_hparams as write_hparams
    from deca_tf.tuning.hypermodel import DeCAHyperModel as DeCAHyperModel
    from deca_tf.tuning.plots import plot_parallel_coordinates as plot_parallel_coordinates
    from deca_tf.tuning.search import run_search as run_search
    from deca_tf.tuning.trials import best_settings as best_settings
    from deca_tf.tuning.trials import read_trials as read_trials
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "DeCAHyperModel": ".hypermodel",
            "best_settings": ".trials",
            "plot_parallel_coordinates": ".plots",
            "read_trials": ".trials",
            "run_search": ".search",
            "write_hparams": ".hparams",
        },
    )
