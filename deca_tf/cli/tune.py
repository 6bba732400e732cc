"""`deca-tf tune`: searches for the settings of a method, with the same budget for normal training."""

import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli.console import console, set_only

SHOWN = 10  # trials of each method that the table shows
NO_BASELINE = "no"


def tune(
    out: Annotated[
        pathlib.Path, typer.Option(help="Folder for trials, tables, figures and the best settings.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="As for deca-tf train. Required, unless --recipe names one."),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="The model that is shipped: mf, gmf, neumf, lightgcn or cdae."),
    ] = None,
    denoiser: Annotated[
        str | None,
        typer.Option(
            help="How it learns, as for deca-tf train. Default: the recipe's, mostly deca."
        ),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            help=f"Denoiser that gets the same budget, to compare with; '{NO_BASELINE}' for none."
        ),
    ] = "none",
    tuner: Annotated[
        str,
        typer.Option(
            help="bayesian; hyperband: many short trials, of which the better ones are prolonged; or grid: every point."
        ),
    ] = "bayesian",
    space: Annotated[
        str | None,
        typer.Option(
            help="default, or paper: C1 and C2 of 1, 10, 100 and 1000, alpha of 0, 0.5 and 1, and six values of L2. "
            "Default: paper for the grid."
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Of each method, at most. Default: 30, or all points of a grid; hyperband's number follows from "
            "--epochs.",
            min=1,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Of a trial, at most. Default: the recipe's.", min=1)
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="Maximized on the noisy validation. Default: the recipe's, mostly val_recall@20."
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(help="Trials at once, a process and a thread each if more than one.", min=1),
    ] = 1,
    test_seeds: Annotated[
        int,
        typer.Option(
            help="Afterwards, trains each method's best settings with so many seeds and judges them on the test, once.",
            min=0,
        ),
    ] = 0,
    protocol: Annotated[
        str | None, typer.Option(help="clean or paper, as for deca-tf train.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Fixes weights, batches and what is tried.")
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            help="Folder of the public data sets. Default: the environment variable DECA_TF_DATA_DIR, else download."
        ),
    ] = None,
    recipe: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="TOML file with all settings that are not searched. Default: the data set's."
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="TABLE.KEY=VALUE",
            help="Sets a setting, which is then not searched; may be repeated. For example denoiser.alpha=0.5, "
            "backbone.item_bias=true, data.options.user_column=customer.",
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads that TensorFlow may use. Default: all.", min=1)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no tables.")] = False,
):
    """Searches for the best settings, by the noisy validation alone, and tells whether denoising was worth it.

    The same number of trials of the same length is given to normal training, over the same learning
    rates, L2 and embedding sizes. Trials whose model collapses are stopped, marked, and never
    chosen. The folder --out then holds trials.csv, best/METHOD.toml (a recipe for deca-tf train),
    METHOD.png (parallel coordinates) and hparams (for TensorBoard). Interrupted, the same command
    goes on; with more --trials, too.

    **Examples**

      deca-tf tune --dataset ml-100k --backbone mf --denoiser deca --trials 30 --workers 2 --out searches/ml-100k

      deca-tf tune --dataset ml-100k --tuner grid --baseline no --out searches/paper-grid

      deca-tf train --recipe searches/ml-100k/best/deca.toml --out runs/ml-100k-best
    """
    from deca_tf.config import merge, parse_assignment, resolve

    if dataset is None and recipe is None:
        raise ValueError(
            "`tune` requires --dataset, or a --recipe that names one. Received: neither. Try "
            "--dataset synthetic."
        )
    held = merge(*map(parse_assignment, assignments or ()))
    given = {
        "seed": seed,
        "data": {"dataset": dataset, "protocol": protocol, "data_dir": data_dir},
        "backbone": {"name": backbone},
        "denoiser": {"name": denoiser},
        "training": {"epochs": epochs, "monitor": objective},
    }
    config = resolve(recipe, merge(set_only(given), held))
    load_tensorflow(threads)
    from deca_tf.tuning.search import run_search

    found = run_search(
        config,
        out,
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
    from deca_tf.tuning.trials import hyperparameter_columns

    for method, frame in found.trials.items():
        names = hyperparameter_columns(frame)
        title = f"{config.data.dataset}, {config.backbone.name}, {method}: {min(SHOWN, len(frame))} of {len(frame)}"
        table = Table(
            "trial",
            found.objective,
            "best epoch",
            *names,
            title=f"{title} trials",
            title_justify="left",
        )
        for row in frame.head(SHOWN).to_dict("records"):
            reached = _figure(row[found.objective]) if row["status"] == "completed" else _what(row)
            epoch = _figure(row["best_epoch"], "d") if row["status"] == "completed" else "-"
            table.add_row(
                str(row["trial"]), reached, epoch, *(_figure(row[name], ".4g") for name in names)
            )
        console.print(table)
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
    console.print(
        f"Everything is in {found.folder}. Next: deca-tf train --recipe {best} --out runs/NAME",
        highlight=False,
        soft_wrap=True,
    )


def _figure(value, form=".4f"):
    if value is None or value != value:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    return f"{int(value) if form == 'd' else value:{form}}"
