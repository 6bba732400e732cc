"""`deca-tf tune`: searches for a method's settings, and those of normal training."""

import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli import _options as options
from deca_tf.cli._folders import telling_of_other_settings
from deca_tf.cli.console import console, print_remarks, say

SHOWN = 10  # trials of each method that the table shows
WIDE = 10_000  # characters: wider than any console
NO_BASELINE = "no"
SEARCH = "The search"


def tune(
    context: typer.Context,
    file: options.File = None,
    backbone: options.Backbone = None,
    denoiser: options.Denoiser = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Folder for trials, tables, figures and the best settings. Default: "
            "searches/NAME, after the data."
        ),
    ] = None,
    recipe: options.Recipe = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="TABLE.KEY=VALUE",
            help="Any other setting, which is then not searched; may be repeated: "
            "denoiser.alpha=0.5, backbone.item_bias=true.",
        ),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            help=f"Denoiser that gets the same budget, to compare with; '{NO_BASELINE}': none.",
            rich_help_panel=SEARCH,
        ),
    ] = "none",
    tuner: Annotated[
        str | None,
        typer.Option(
            help="bayesian; hyperband: many short trials, of which the better ones are prolonged; "
            "grid: every point. Default: grid for models in closed form, else bayesian.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="default, or paper: C1 and C2 of 1, 10, 100 and 1000, alpha of 0, 0.5 and 1, and "
            "six values of L2. Default: default; paper for the grid.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Of each method, at most. Default: 30, or all points of a grid; hyperband's "
            "number follows from --epochs.",
            min=1,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Of a trial, at most. Default: the recipe's, mostly 60.",
            min=1,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="Maximized on the noisy validation. Default: the recipe's, mostly val_recall@20.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    test_seeds: Annotated[
        int,
        typer.Option(
            help="Afterwards, trains each method's best settings with so many seeds and evaluates "
            "them on the test, once.",
            min=0,
            rich_help_panel=SEARCH,
        ),
    ] = 0,
    dataset: options.Dataset = None,
    split_by: options.SplitBy = None,
    clean_test: options.CleanTest = None,
    protocol: options.Protocol = None,
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
    seed: options.Seed = None,
    workers: Annotated[
        int,
        typer.Option(
            help="Trials at once, a process and a thread each if more than one.",
            min=1,
            rich_help_panel=options.RUNNING,
        ),
    ] = 1,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
):
    """Searches for the best settings, by the noisy validation alone.

    Tells whether denoising was worth it.

    The same number of trials of the same length is given to normal training, over the same learning
    rates, L2 and embedding sizes. Trials whose model collapses are stopped, marked, and never
    chosen. The folder --out then holds trials.csv, best/METHOD.toml (a recipe for deca-tf train),
    METHOD.png (parallel coordinates) and hparams (for TensorBoard). Interrupted, the same command
    goes on; with more --trials, too.

    **Examples**

      deca-tf tune clicks.csv --trials 30 --workers 2

      deca-tf train --recipe searches/clicks/best/deca.toml --out runs/clicks-best

      deca-tf tune clicks.csv --model ease

      deca-tf tune ml-100k --tuner grid --baseline no --out searches/paper-grid
    """
    config, held, folder = options.asked_for(context, "searches")
    load_tensorflow(threads)
    from deca_tf.tuning.search import run_search

    print_remarks(quiet)
    with telling_of_other_settings(context):
        found = run_search(
            config,
            folder,
            tuner=tuner,
            space=space,
            trials=trials,
            baseline=None if baseline == NO_BASELINE else baseline,
            held=held,
            workers=workers,
            threads=threads if workers > 1 else None,
            test_seeds=test_seeds,
            listener=None if quiet else _tell(config.training.monitor),
        )
    if not quiet:
        _print(found, config)


def _tell(objective):
    """A listener that prints a line per trial that has ended."""

    def tell(method, frame, ended):
        best = _figure(frame[objective].max())
        for row in frame[frame["trial"].isin(ended)].sort_values("trial").to_dict("records"):
            reached = (
                f"{objective} {row[objective]:.4f}" if row["status"] == "completed" else _what(row)
            )
            took = f", {row['seconds']:.0f} s" if row["seconds"] == row["seconds"] else ""
            console.print(
                f"{method} trial {row['trial']}: {reached}{took}; best {best}",
                highlight=False,
                soft_wrap=True,
            )

    return tell


def _what(row):
    return (
        f"collapsed ({row['collapsed']})"
        if row["status"] == "collapsed"
        else f"{row['status']}: {row['message']}"
    )


def _print(found, config):
    from rich.table import Table

    from deca_tf.tuning.search import mean_and_deviation

    for method, frame in found.trials.items():
        data = options.name_of_data(config)
        shown = f"{min(SHOWN, len(frame))} of {len(frame)}"
        title = f"{data}, {config.backbone.name}, {method}: {shown} trials"
        print_trials(frame.head(SHOWN), found.objective, title)
    summary = found.summary()
    table = Table("", *summary["method"], title="The same budget", title_justify="left")
    for name in summary.columns.drop("method"):
        form = {"seconds": ".0f", found.objective: ".4f"}.get(name, "d")
        table.add_row(name, *(_figure(value, form) for value in summary[name]))
    console.print(table)
    if found.test is not None:
        metric = found.objective.removeprefix("val_")
        for method, (mean, deviation) in mean_and_deviation(found.test, metric).items():
            spread = "" if deviation is None else f" ± {deviation:.4f}"
            console.print(
                f"Test {metric} of {method}, best settings: {mean:.4f}{spread}", highlight=False
            )
    for each in found.missing:
        console.print(each, highlight=False, soft_wrap=True)
    best = found.folder / "best" / f"{next(iter(found.trials))}.toml"
    again = pathlib.Path("runs") / f"{found.folder.resolve().name}-best"
    command = options.command_line("deca-tf", "train", "--recipe", best, "--out", again)
    say(f"Everything is in {found.folder}. Next: {command}")


def print_trials(frame, objective, title):
    """Prints trials as a table, or as two lines each where the table would be too wide to read.

    Args:
        frame: a table of trials, `deca_tf.tuning.trials.read_trials`.
        objective: the name of its column that is maximized.
        title: above it.
    """
    from rich.table import Table

    from deca_tf.tuning.trials import hyperparameter_columns

    names = hyperparameter_columns(frame)
    short = [name.rpartition(".")[2] for name in names]
    headings = [
        key if short.count(key) == 1 else name for key, name in zip(short, names, strict=True)
    ]
    rows = []
    for row in frame.to_dict("records"):
        is_done = row["status"] == "completed"
        reached = _figure(row[objective]) if is_done else _what(row)
        epoch = _figure(row["best_epoch"], "d") if is_done else "-"
        rows.append(
            (str(row["trial"]), reached, epoch, *(_figure(row[name], ".4g") for name in names))
        )
    table = Table("trial", objective, "best epoch", *headings, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    unbounded = console.options.update(max_width=WIDE)
    if console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
        return
    say(title)
    for trial, reached, epoch, *values in rows:
        say(f"trial {trial}: {objective} {reached}, best epoch {epoch}")
        say("  " + ", ".join(f"{key} {value}" for key, value in zip(headings, values, strict=True)))


def _figure(value, form=".4f"):
    if value is None or value != value:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    return f"{int(value) if form == 'd' else value:{form}}"
