"""What `train` and `tune` have in common: options, settings, the folder where none is named."""

import contextlib
import pathlib
import shlex
import sys
from typing import Annotated

import typer

from deca_tf._files import INPUT
from deca_tf.backbones import BACKBONES
from deca_tf.baselines import BASELINES
from deca_tf.cli import _standard_input as standard_input
from deca_tf.data.sources import SOURCES
from deca_tf.denoisers import DENOISERS
from deca_tf.recipes.methods import learns_at_once

DATA, COLUMNS, RUNNING = "Data", "Your own table", "Running"

# Where in the settings an option's value goes.
_COLUMNS = (
    *("user_column", "item_column", "rating_column", "dwell_column", "timestamp_column"),
    *("weight_column", "repeats", "separator", "header"),
)
PATHS = {
    "seed": ("seed",),
    **{
        name: ("data", name)
        for name in ("dataset", "protocol", "cuts", "data_dir", "split_by", "clean_test")
    },
    **{name: ("data", "options", name) for name in _COLUMNS},
    "backbone": ("backbone", "name"),
    "denoiser": ("denoiser", "name"),
    "epochs": ("training", "epochs"),
    "objective": ("training", "monitor"),
    "strategy": ("training", "strategy"),
    **{name: ("time", name) for name in ("click_half_life", "trend_half_life", "trend_weight")},
}

File = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="Your clicks, one a row: .csv, .tsv (also .gz), .parquet, any text with --separator, "
        "or - for standard input. Or a data set by name: "
        f"{', '.join(SOURCES).replace('*-ratings', '100k-ratings and its like')}, or your own, "
        "package.module:Name.",
        show_default=False,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(help="Another way to name FILE.", rich_help_panel=DATA),
]
Backbone = Annotated[
    str | None,
    typer.Option(
        "--model",
        "--backbone",
        help=f"What is trained and shipped: {', '.join((*BACKBONES.summaries(), *BASELINES.summaries()))} "
        "(below), or your own, package.module:Class. Default: the recipe's, mostly mf.",
    ),
]
Denoiser = Annotated[
    str | None,
    typer.Option(
        help=f"How it learns from noisy clicks: {', '.join(DENOISERS.summaries())} (below), or your "
        "own, package.module:Class. Default: the model's own, else the recipe's, mostly deca. Models "
        "in closed form have none."
    ),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        help="timeline: train on what came first, test on the end of the log. clean: no pair in "
        "two splits, by --split-by. paper: the released splits, leaks included, to compare with "
        "the paper. Default: timeline for a table with times, unless --split-by is given; else "
        "clean.",
        rich_help_panel=DATA,
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        help="Folder of the public data sets. Default: the environment variable "
        "DECA_TF_DATA_DIR, else they are downloaded.",
        rich_help_panel=DATA,
    ),
]
SplitBy = Annotated[
    str | None,
    typer.Option(
        help="How clean parts 8:1:1: chronological-per-user, chronological-global, random or hash. "
        "Default: the first where there are times, else random.",
        rich_help_panel=DATA,
    ),
]
CleanTest = Annotated[
    str | None,
    typer.Option(
        help="Rule that the test's rows must meet, such as 'rating >= 5' or 'dwell >= 10'. "
        "Default: the data set's own; none for your own table.",
        rich_help_panel=DATA,
    ),
]
UserColumn = Annotated[
    str | None,
    typer.Option(
        help="Who clicked. Default: found by its name, such as user_id or customer; so are those "
        "below. What was found is said.",
        rich_help_panel=COLUMNS,
    ),
]
ItemColumn = Annotated[
    str | None,
    typer.Option(help="On what: item_id, product, sku, ...", rich_help_panel=COLUMNS),
]
RatingColumn = Annotated[
    str | None,
    typer.Option(
        help="Stars, for a clean test only. '' reads none, here and below.",
        rich_help_panel=COLUMNS,
    ),
]
DwellColumn = Annotated[
    str | None, typer.Option(help="Seconds, for a clean test only.", rich_help_panel=COLUMNS)
]
TimestampColumn = Annotated[
    str | None,
    typer.Option(
        help="When, for a chronological split: seconds since 1970 or dates.",
        rich_help_panel=COLUMNS,
    ),
]
WeightColumn = Annotated[
    str | None,
    typer.Option(
        help="How much each click counts in training, at least 0. Read only if named here.",
        rich_help_panel=COLUMNS,
    ),
]
Repeats = Annotated[
    str | None,
    typer.Option(
        help="What a repeated pair becomes: its first or last row, or one whose weight is the sum "
        "of weights or the count of rows. Default: first.",
        rich_help_panel=COLUMNS,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        help="What stands between columns, such as ';', '::' or tab. Default: as the file's name "
        "says.",
        rich_help_panel=COLUMNS,
    ),
]
NoHeader = Annotated[
    bool,
    typer.Option(
        "--no-header",
        help="The first row is a click. Columns are then named by number: --user-column 1 is the "
        "first.",
        rich_help_panel=COLUMNS,
    ),
]
Recipe = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="TOML file with settings, such as config.toml of another run. Default: the data "
        "set's own."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Fixes weights, batches, random splits and what is tried. Default: 0.",
        rich_help_panel=RUNNING,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="Threads that TensorFlow may use. Default: all.", min=1, rich_help_panel=RUNNING
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Prints nothing but warnings and errors.",
        rich_help_panel=RUNNING,
    ),
]


def _listed(title, registry):
    rows = "".join(f"- `{name}`: {summary}\n" for name, summary in registry.summaries().items())
    return f"**{title}**\n\n{rows}\n"


PARTS = (  # below the options
    _listed("Models that are trained", BACKBONES)
    + _listed("Models in closed form", BASELINES)
    + _listed("Denoisers", DENOISERS)
)


def asked_for(context, parent):
    """The settings that a command's options ask for, and its folder.

    Args:
        context: the command's `typer.Context`; options that `PATHS` names go where it says.
        parent: where the folder of the results goes, named after the data, without --out.

    Returns:
        `(config, held, out)`; `held` are the assignments of --set as nested tables.

    Raises:
        ValueError: no data, two kinds of them, an option and a --set that contradict each other, or
            settings that `deca_tf.config.resolve` refuses.
        FileNotFoundError, FileExistsError: no such recipe; standard input for a folder that other
            data has.
    """
    from deca_tf.cli._assignments import parse_assignment
    from deca_tf.cli._preflight import check_data_settings, refuse_contradictions
    from deca_tf.config import is_file_name, merge, resolve
    from deca_tf.runs.data import with_protocol

    typed = context.params
    given = {name: typed[name] for name in PATHS if name in typed}
    if typed.get("no_header"):
        given["header"] = False
    assignments = typed["assignments"] or ()
    held = merge(*map(parse_assignment, assignments))
    refuse_contradictions(
        {**given, "dataset": given["dataset"] or typed["file"]},
        PATHS,
        assignments,
        held,
        _flags(context.command, typed),
    )
    recipe, out, parent = typed["recipe"], typed["out"], pathlib.Path(parent)
    dataset = _dataset(context.command.name, typed["file"], given.pop("dataset"), recipe)
    if dataset == standard_input.NAME:
        if given.get("strategy") == "multi-worker":
            raise ValueError(
                "`dataset` must be a file where several workers read it. Received: dataset='-', "
                "standard input. Save it as a file first."
            )
        out = parent / INPUT if out is None else out
        dataset = standard_input.keep(out, given.get("separator"))
    elif dataset is not None and not pathlib.Path(dataset).suffix and _is_file(dataset):
        dataset = str(pathlib.Path(dataset).absolute())  # settings know a file by its ending
    asked = merge(_nested({"dataset": dataset, **given}), held)
    config = resolve(recipe, asked)
    check_data_settings(config.data)
    if config.data.protocol is None and is_file_name(config.data.dataset):
        # A recipe's variants may look at it. What is wrong with a table is said when it is read.
        with contextlib.suppress(ValueError, OSError):
            protocol = with_protocol(config).data.protocol
            config = resolve(recipe, merge(asked, {"data": {"protocol": protocol}}))
    return config, held, parent / _name(config) if out is None else out


def command_line(*words):
    """A command that can be copied and run."""
    return shlex.join(map(str, words))


def name_of_data(config):
    """What the data is called in a table's title."""
    dataset = pathlib.Path(config.data.dataset)
    return dataset.name if dataset.is_absolute() else config.data.dataset


def title_of(config, name):
    """What a run's table is called: the data, the model, how it learned, the seed."""
    denoiser = () if learns_at_once(config.backbone.name) else (config.denoiser.name,)
    return ", ".join((name, config.backbone.name, *denoiser, f"seed {config.seed}"))


def flag_of(parameter, arguments):
    """A Click parameter's flag as it was typed, else the first long one: `--model`."""
    typed = {argument.partition("=")[0] for argument in arguments}
    long = [flag for flag in parameter.opts if flag.startswith("--")]
    return next((flag for flag in long if flag in typed), [*long, *parameter.opts][0])


def _flags(command, typed):
    """How each option is typed: `{name: "--name"}`; nothing stands before a FILE."""
    flags = {parameter.name: flag_of(parameter, sys.argv) for parameter in command.params}
    return flags | {
        "dataset": "" if typed["dataset"] is None else "--dataset",
        "header": flags["no_header"],
    }


def _dataset(command, file, dataset, recipe):
    if file is not None and dataset is not None and file != dataset:
        raise ValueError(
            f"FILE and --dataset are two ways to name the same. Received: {file!r} and "
            f"{dataset!r}. Leave one out."
        )
    if file is None and dataset is None and recipe is None:
        raise ValueError(
            f"`deca-tf {command}` requires a FILE, the name of a data set, or a --recipe that "
            f"names one. Received: none. Try `deca-tf {command} clicks.csv`, or synthetic in "
            "place of the file."
        )
    return dataset if file is None else file


def _is_file(dataset):
    return pathlib.Path(dataset).is_file()


def _nested(given):
    """Options that were set, as nested tables of settings."""
    from deca_tf.config import merge

    tables = {}
    for name, value in given.items():
        if value is not None:
            for key in reversed(PATHS[name]):
                value = {key: value}
            tables = merge(tables, value)
    return tables


def _name(config):
    """A folder's name for a data set: 'clicks' for /logs/clicks.csv.gz."""
    return name_of_data(config).replace("/", "-").split(".")[0] or "data"
