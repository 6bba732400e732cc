"""`deca-tf deploy`: what starts a stock TensorFlow Serving, and whether it would start."""

import pathlib
from typing import Annotated

import typer

from deca_tf._extras import require_extra
from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli.console import console

app = typer.Typer(
    help="Files for a stock TensorFlow Serving, and a check of them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Folder = Annotated[
    pathlib.Path, typer.Argument(metavar="FOLDER", help="Folder written by `deca-tf export`.")
]


@app.command()
def write(
    folder: Folder,
    name: Annotated[
        str | None, typer.Option(help="Of the model in requests. Default: the folder's.")
    ] = None,
    stable: Annotated[
        int | None,
        typer.Option(
            help="Version with the label `stable`. Default: no labels, the newest is served."
        ),
    ] = None,
    canary: Annotated[
        int | None, typer.Option(help="Version with the label `canary`, served beside it.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="Of the container. Default: the stock one.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Cores of a container.", min=1)] = 2,
    replicas: Annotated[int, typer.Option(help="Containers in Kubernetes.", min=1)] = 1,
):
    """Writes FOLDER/deployment.

    models.config, batching, monitoring, compose.yaml and kubernetes.yaml.

    Then `docker compose -f FOLDER/deployment/compose.yaml up` serves the folder: REST at 8501, gRPC
    at 8500.

    **Examples**

      deca-tf deploy write saved_models/clicks

      deca-tf deploy write saved_models/clicks --stable 6 --canary 7
    """
    require_extra("serving", "`deca-tf deploy`")
    from deca_tf.serving.deployment.files import write_files

    place = write_files(
        folder,
        name=name,
        stable=stable,
        canary=canary,
        image=image,
        threads=threads,
        replicas=replicas,
    )
    console.print(
        f"Wrote {place}. Check it: deca-tf deploy check {folder}", highlight=False, soft_wrap=True
    )


@app.command()
def check(
    folder: Folder,
    version: Annotated[int | None, typer.Option(help="Default: the newest.")] = None,
):
    """Replays a version's warm-up in TensorFlow's C API, which servers are built on.

    Reads every file beside it.

    The exit status is 1 if a server would stumble over any of it.
    """
    require_extra("serving", "`deca-tf deploy`")
    load_tensorflow()
    from rich.table import Table

    from deca_tf.serving.deployment.check import check_folder

    table = Table("", "what", "found")
    findings = list(check_folder(folder, version))
    for finding in findings:
        table.add_row("ok" if finding.passed else "FAILED", finding.subject, finding.detail)
    console.print(table)
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)
