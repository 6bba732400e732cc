"""`deca-tf refresh`: publishes a version with new clicks in it, without training."""

import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli import _options as options
from deca_tf.cli.console import print_remarks, say


def refresh(
    folder: Annotated[
        pathlib.Path, typer.Argument(metavar="FOLDER", help="Folder written by `deca-tf export`.")
    ],
    clicks: Annotated[
        str,
        typer.Option(
            "--from",
            help="The new clicks, a table as `deca-tf train` takes it: all since the training, or "
            "since the last refresh.",
        ),
    ],
    keep: Annotated[
        int, typer.Option(help="How many versions stay; older ones are removed.", min=1)
    ] = 5,
    user_column: options.UserColumn = None,
    item_column: options.ItemColumn = None,
    timestamp_column: options.TimestampColumn = None,
    separator: options.Separator = None,
    no_header: options.NoHeader = False,
    quiet: options.Quiet = False,
):
    """Publishes the next version of a served model with new clicks in it, in seconds.

    What users have taken since is no longer recommended to them, histories grow by it, popularity
    and trend follow it. Weights stay as they were trained. Users and items that the model has never
    met are counted and left out: they need a training.

    **Example**

      deca-tf refresh saved_models/clicks --from today.csv
    """
    load_tensorflow()
    from deca_tf.data import load
    from deca_tf.serving.refreshing import refresh as publish
    from deca_tf.serving.versions import find_version, remove_old

    find_version(folder)  # for its error, before anything is read
    print_remarks(quiet)
    columns = {
        "user_column": user_column,
        "item_column": item_column,
        "timestamp_column": timestamp_column,
        "separator": separator,
        "header": False if no_header else None,
    }
    read = load(clicks, **{name: value for name, value in columns.items() if value is not None})
    found = publish(folder, read)
    removed = remove_old(folder, keep)
    if quiet:
        return
    left_out = found.clicks - found.taken
    if left_out:
        say(
            f"Left out: {left_out:,} of {found.clicks:,} clicks, of {found.unknown_users:,} users "
            f"and {found.unknown_items:,} items that the model has never met."
        )
    if removed:
        say(f"Removed old versions: {', '.join(map(str, removed))}.")
    say(f"Published {found.version}, with {found.new_pairs:,} pairs more than before.")
