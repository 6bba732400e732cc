"""`deca-tf train`: from a data set to a trained, evaluated model in a folder."""

import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli import _options as options
from deca_tf.cli import _time_options as time_options
from deca_tf.cli._folders import telling_of_other_settings
from deca_tf.cli.console import print_metrics, print_remarks, say


def train(
    context: typer.Context,
    file: options.File = None,
    backbone: options.Backbone = None,
    denoiser: options.Denoiser = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Folder for settings, model, history and metrics.json. Default: runs/NAME, after "
            "the data."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the clicks, at most. Default: the recipe's, mostly 60."),
    ] = None,
    recipe: options.Recipe = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="TABLE.KEY=VALUE",
            help="Any other setting; may be repeated: backbone.embedding_dim=64, "
            "denoiser.alpha=0.5, training.learning_rate=0.001, training.l2=0.1.",
        ),
    ] = None,
    dataset: options.Dataset = None,
    split_by: options.SplitBy = None,
    clean_test: options.CleanTest = None,
    protocol: options.Protocol = None,
    cuts: time_options.Cuts = None,
    data_dir: options.DataDir = None,
    user_column: options.UserColumn = None,
    item_column: options.ItemColumn = None,
    timestamp_column: options.TimestampColumn = None,
    rating_column: options.RatingColumn = None,
    dwell_column: options.DwellColumn = None,
    weight_column: options.WeightColumn = None,
    repeats: options.Repeats = None,
    separator: options.Separator = None,
    no_header: options.NoHeader = False,
    click_half_life: time_options.ClickHalfLife = None,
    trend_half_life: time_options.TrendHalfLife = None,
    trend_weight: time_options.TrendWeight = None,
    seed: options.Seed = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="default: one device. mirrored: all of this machine. multi-worker: one such "
            "command per process; TF_CONFIG, Slurm or Kubernetes says who they are.",
            rich_help_panel=options.RUNNING,
        ),
    ] = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
):
    """Trains a recommender on noisy clicks and evaluates it on the test set.

    Settings come from --recipe, or else the data set's own recipe, and then from the options here.
    The folder --out then holds config.toml (a recipe that repeats the run), the model
    (model.keras, or model.npz of one in closed form), history.csv and metrics.json. Interrupted,
    the same command goes on where it stopped.

    **Examples**

      deca-tf train clicks.csv

      deca-tf train clicks.csv --user-column who --item-column what --clean-test 'rating >= 5'

      deca-tf train ratings.dat --separator :: --no-header --user-column 1 --item-column 2

      zcat clicks.csv.gz | deca-tf train - --out runs/clicks

      deca-tf train clicks.csv --model ease --out runs/clicks-ease

      deca-tf train ml-100k --model gmf --denoiser none --out runs/ml-100k-normal
    """
    config, _, folder = options.asked_for(context, "runs")
    load_tensorflow(threads)
    from deca_tf.runs.folder import RunFolder
    from deca_tf.runs.run import run

    print_remarks(quiet)
    was_finished = RunFolder(folder).is_finished
    with telling_of_other_settings(context):
        metrics = run(config, folder, show_progress=not quiet)
    if quiet or metrics is None:  # of several workers the chief alone has them
        return
    if was_finished:
        say("This run was finished before, so nothing was trained. Its results:")
    say(metrics["leaks"])
    _say_time(metrics)
    name = options.name_of_data(config)
    print_metrics(metrics, options.title_of(config, name))
    served = pathlib.Path("saved_models") / folder.resolve().name
    again = options.command_line("deca-tf", "export", folder, "--to", served)
    say(f"Everything is in {folder}. Next: {again}")


def _say_time(metrics):
    """Says what became of the validation, and of time."""
    if "refit" in metrics:
        best = metrics["best_epoch"]
        epoch = "" if best is None else f"Epoch {best} did best on validation. "
        say(f"{epoch}Then the model was learned anew from train and validation, and tested.")
    trend = metrics.get("trend")
    if trend is not None:
        say(
            f"Each item's score has {trend['weight']:g} times its trend of a half-life of "
            f"{trend['half_life']:g} days."
        )
