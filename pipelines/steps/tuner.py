"""Tuner: the settings that Trainer takes, searched for as by `deca-tf tune`, or as they are set."""

import json

import tomli_w

from deca_tf._files import write_atomically
from deca_tf.data.shards import read_shards

from ..step import Step
from .split import SHARDS

BEST_SETTINGS = "best_settings"
CONFIG, ASKED, SEARCH = "config.toml", "asked.json", "search"
TUNER = "bayesian"


class Tuner(Step):
    """Searches for what `[trainer]` leaves open, by the noisy validation alone.

    It goes on where it was interrupted.

    Without trials, which is the default, it passes on the settings of `[trainer]`. In the artifact,
    `config.toml` holds the settings, `search/` all trials, and `asked.json` what it was asked for.
    """

    name = "Tuner"
    inputs = (SHARDS,)
    outputs = (BEST_SETTINGS,)
    goes_on = True

    def check(self, context):
        settings = context.settings
        if not settings.tuner.trials:
            return
        import keras_tuner

        from deca_tf.runs.building import needs_prior
        from deca_tf.runs.preflight import check_settings
        from deca_tf.tuning.search_space import choose

        config = settings.trainer.config()
        check_settings(config)
        if needs_prior(config):
            raise ValueError(
                "`tuner.trials` must be 0 where the denoiser needs a prior, which each trial would "
                "have to train. "
                f"Received: {settings.tuner.trials}, with denoiser {config.denoiser.name!r}. "
                "Search for 'deca' first."
            )
        choose(keras_tuner.HyperParameters(), config, held=held(settings.trainer))

    def settings(self, context, inputs):
        return asked(context.settings)

    def run(self, inputs, outputs, context):
        settings, folder = context.settings, outputs[BEST_SETTINGS]
        config, notes = settings.trainer.config(inputs[SHARDS]), {"trials": settings.tuner.trials}
        if settings.tuner.trials:
            from deca_tf.tuning.search import run_search

            found = run_search(
                config,
                folder / SEARCH,
                split=read_shards(inputs[SHARDS]),
                tuner=TUNER,
                trials=settings.tuner.trials,
                baseline=None,
                held=held(settings.trainer),
                workers=settings.tuner.workers,
            )
            (method,) = found.trials
            trials = found.trials[method]
            if found.missing and not (trials["status"] == "completed").any():
                raise ValueError(
                    f"Some trial must be completed. Received: {len(trials)} trials, of which none "
                    "was: see "
                    f"{folder / SEARCH / 'trials.csv'}. Bring more clicks, or set `tuner.trials` "
                    "to 0."
                )
            config = found.best(method)
            notes |= {"completed": int((trials["status"] == "completed").sum())}
            notes |= {found.objective: float(trials[found.objective].max())}
        write_atomically(folder / CONFIG, tomli_w.dumps(_without_data(config)))
        write_atomically(folder / ASKED, json.dumps(asked(settings), indent=2) + "\n")
        return notes


def held(trainer):
    """What a search leaves as it is.

    The tables of `TrainerSettings`, `{"denoiser": {"alpha": 0.5}}`.
    """
    return {name: table for name, table in trainer.tables().items() if isinstance(table, dict)}


def asked(settings):
    """What the settings depend on beside the shards: a dict for JSON."""
    searched = {"held": settings.trainer.tables()} if settings.tuner.trials else {}
    said = {
        "trials": settings.tuner.trials,
        "trainer": _without_data(settings.trainer.config()),
        **searched,
    }
    return json.loads(json.dumps(said))  # as it is read back


def _without_data(config):
    return {name: table for name, table in config.to_dict().items() if name != "data"}
