"""`deca-tf rollback`: takes a published version back."""

import pathlib
from typing import Annotated

import typer

from deca_tf.cli.console import console


def rollback(
    folder: Annotated[
        pathlib.Path, typer.Argument(metavar="FOLDER", help="Folder written by `deca-tf export`.")
    ],
    to: Annotated[
        int | None, typer.Option(help="Version to go back to. Default: the one before the newest.")
    ] = None,
):
    """Takes the newest version out of service.

    A server that polls the folder goes back to the one before.

    Nothing is removed: `3` becomes `withdrawn-3`, and its number is never given again.

    **Example**

      deca-tf rollback saved_models/clicks
    """
    from deca_tf.serving.versions import complete_versions, find_version, withdraw

    find_version(folder)  # for its error
    versions = sorted(complete_versions(folder))
    if to is None and len(versions) < 2:
        raise ValueError(
            f"There must be a version to go back to. Received: '{folder}' with version "
            f"{versions[0]} only."
        )
    back = versions[-2] if to is None else to
    for path in withdraw(folder, back):
        console.print(
            f"Took {path.name.rpartition('-')[2]} out of service: {path}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"Version {back} is the newest.", highlight=False)
