"""`deca-tf train`: from a data set to a trained, judged model in a folder."""

import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli.console import console, print_metrics, set_only

DATA, COLUMNS = "Data", "Columns of one's own table"


def train(
    out: Annotated[
        pathlib.Path, typer.Option(help="Folder for settings, model, history and metrics.json.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            help="ml-100k, modcloth, adressa, electronics, electronics-sample, synthetic, a MovieLens set of "
            "TensorFlow Datasets such as movielens/100k-ratings, a file: .csv, .tsv (also .gz), "
            ".parquet, or shards, "
            "a folder of TFRecords named by --set data.options.folder=... . "
            "Required, unless --recipe names one."
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="The model that is shipped: mf, gmf, neumf, lightgcn or cdae."),
    ] = None,
    denoiser: Annotated[
        str | None,
        typer.Option(
            help="How it learns: none (normal training), deca, deca-p (with a pre-trained prior), deca-dp, deca-dn, "
            "deca-limit, t-ce, r-ce, gce, wbpr, ensemble, udt, eard or pld."
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="clean: no pair in two splits. paper: the released splits, leaks included, to compare with the paper.",
            rich_help_panel=DATA,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Fixes weights, batches and random splits.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the clicks, at most.")] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            help="Folder of the public data sets. Default: the environment variable DECA_TF_DATA_DIR, else download.",
            rich_help_panel=DATA,
        ),
    ] = None,
    recipe: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="TOML file with settings, for example config.toml of another run. Default: the data set's."
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="TABLE.KEY=VALUE",
            help="Overrides a setting; may be repeated. For example backbone.item_bias=true, "
            "backbone.embedding_dim=64, denoiser.c1=100, denoiser.c2=10, denoiser.alpha=0.5, "
            "training.learning_rate=0.001, training.optimizer=lazy-adam, training.l2=0.1, "
            "training.num_negatives=1.",
        ),
    ] = None,
    user_column: Annotated[
        str | None, typer.Option(help="Who clicked.", rich_help_panel=COLUMNS)
    ] = None,
    item_column: Annotated[
        str | None, typer.Option(help="On what.", rich_help_panel=COLUMNS)
    ] = None,
    rating_column: Annotated[
        str | None, typer.Option(help="Stars, for a clean test only.", rich_help_panel=COLUMNS)
    ] = None,
    dwell_column: Annotated[
        str | None, typer.Option(help="Seconds, for a clean test only.", rich_help_panel=COLUMNS)
    ] = None,
    timestamp_column: Annotated[
        str | None, typer.Option(help="When, for a chronological split.", rich_help_panel=COLUMNS)
    ] = None,
    split_by: Annotated[
        str | None,
        typer.Option(
            help="chronological-per-user, chronological-global, random or hash; 8:1:1. Default: the first where there "
            "are timestamps.",
            rich_help_panel=DATA,
        ),
    ] = None,
    clean_test: Annotated[
        str | None,
        typer.Option(
            help="Rule that the test's rows must meet, such as 'rating >= 5' or 'dwell >= 10'.",
            rich_help_panel=DATA,
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="Over what training is spread: default (one device), mirrored (all of this machine) or multi-worker "
            "(one such command per process; TF_CONFIG, Slurm or Kubernetes says who they are)."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads that TensorFlow may use. Default: all.", min=1)
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress bar, no table.")
    ] = False,
):
    """Trains a recommender and judges it on the test set.

    Settings come from --recipe, or else the data set's own recipe, and then from the options here.
    The folder --out then holds config.toml (a recipe that repeats the run), model.keras,
    history.csv and metrics.json. Interrupted, the same command goes on where it stopped.

    **Examples**

      deca-tf train --dataset ml-100k --backbone gmf --denoiser deca --data-dir data --out runs/ml-100k

      deca-tf train --dataset clicks.csv --clean-test 'rating >= 5' --out runs/clicks
    """
    from deca_tf.config import merge, parse_assignment, resolve
    from deca_tf.runs.folder import RunFolder

    if dataset is None and recipe is None:
        raise ValueError(
            "`train` requires --dataset, or a --recipe that names one. Received: neither. Try "
            "--dataset synthetic."
        )
    columns = {
        "user_column": user_column,
        "item_column": item_column,
        "rating_column": rating_column,
        "dwell_column": dwell_column,
        "timestamp_column": timestamp_column,
    }
    given = {
        "seed": seed,
        "data": {
            "dataset": dataset,
            "protocol": protocol,
            "data_dir": data_dir,
            "split_by": split_by,
            "clean_test": clean_test,
            "options": set_only(columns),
        },
        "backbone": {"name": backbone},
        "denoiser": {"name": denoiser},
        "training": {"epochs": epochs, "strategy": strategy},
    }
    config = resolve(recipe, merge(set_only(given), *map(parse_assignment, assignments or ())))
    load_tensorflow(threads)
    from deca_tf.runs.run import run

    was_finished = RunFolder(out).is_finished
    metrics = run(config, out, show_progress=not quiet)
    if not quiet and metrics is not None:  # of several workers the chief alone has them
        if was_finished:
            console.print("This run was finished before, so nothing was trained. Its results:")
        console.print(metrics["leaks"], highlight=False, soft_wrap=True)
        title = f"{config.data.dataset}, {config.backbone.name}, {config.denoiser.name}, seed {config.seed}"
        print_metrics(metrics, title)
        console.print(
            f"Everything is in {out}. Next: deca-tf export {out} --to saved_models/NAME",
            highlight=False,
            soft_wrap=True,
        )
