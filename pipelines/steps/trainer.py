"""Trainer: a model of the shards, trained and evaluated as by `deca-tf train`."""

import json
import shutil

from rich.console import Console

from deca_tf.config import resolve
from deca_tf.data.shards import IDS_FILES, open_shards
from deca_tf.runs.folder import RunFolder

from ..step import Step
from .split import SHARDS
from .tuner import ASKED, BEST_SETTINGS, CONFIG, asked

MODEL, MODEL_RUN = "model", "model_run"
METRIC = "recall@20"  # shown


class Trainer(Step):
    """Trains by `deca_tf.runs.run`; interrupted, it goes on from its last checkpoint.

    The artifact `model` is the folder of a run (docs/runs.md), with the raw ids of its users and
    items beside, so that the model can be asked when its shards are gone. `model_run` holds the
    metrics and the history.
    """

    name = "Trainer"
    inputs = (SHARDS, BEST_SETTINGS)
    outputs = (MODEL, MODEL_RUN)
    goes_on = True

    def check(self, context):
        from deca_tf.runs.preflight import check_settings

        check_settings(context.settings.trainer.config())

    def settings(self, context, inputs):
        said = json.loads((inputs[BEST_SETTINGS] / ASKED).read_text(encoding="utf-8"))
        if said != asked(context.settings):
            raise ValueError(
                "`[trainer]` and `[tuner]` must be what Tuner made the best settings for. "
                "Received: others than in "
                f"{inputs[BEST_SETTINGS] / ASKED}. Run `--step Tuner` first, or all steps."
            )
        return {"stream": context.settings.trainer.stream}

    def run(self, inputs, outputs, context):
        from deca_tf.runs.run import run

        config = resolve(
            inputs[BEST_SETTINGS] / CONFIG, context.settings.trainer.data(inputs[SHARDS])
        )
        metrics = run(config, outputs[MODEL], show_progress=Console().is_terminal)
        folder = RunFolder(outputs[MODEL])
        for name in IDS_FILES.values():
            shutil.copy2(inputs[SHARDS] / name, outputs[MODEL] / name)
        for file in (folder.metrics_file, folder.history_file):
            shutil.copy2(file, outputs[MODEL_RUN] / file.name)
        return {
            "rows": open_shards(inputs[SHARDS]).rows["train"],
            "epochs": metrics["train"]["epochs"],
            METRIC: metrics["test"][METRIC],
            "collapsed": metrics["collapsed"],
        }
