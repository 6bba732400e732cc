"""`deca-tf serve`: a small server for development."""

import pathlib
from typing import Annotated

import typer

from deca_tf._extras import require_extra
from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli._folders import refuse_run
from deca_tf.cli.console import console


def serve(
    folder: Annotated[
        pathlib.Path, typer.Argument(metavar="FOLDER", help="Folder written by `deca-tf export`.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Of the model in requests. Default: the folder's.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; the default is for this machine alone.")
    ] = ("127.0.0.1"),
    port: Annotated[
        int, typer.Option(help="For REST and the page. 0: any that is free.", min=0)
    ] = 8501,
    grpc_port: Annotated[int, typer.Option(help="For gRPC. 0: any that is free.", min=0)] = 8500,
    max_bytes: Annotated[int, typer.Option(help="Of a request.", min=1)] = 4 * 2**20,
    threads: Annotated[
        int | None, typer.Option(help="Threads that TensorFlow may use. Default: all.", min=1)
    ] = None,
):
    """Serves a folder over TensorFlow Serving's REST and gRPC, for development.

    There is a page to try it.

    It has neither encryption nor authentication, and is slower than TensorFlow Serving, which
    `deca-tf deploy` starts. New versions are taken into service as they appear.

    **Example**

      deca-tf serve saved_models/clicks
    """
    require_extra("serving", "`deca-tf serve`")
    refuse_run(folder)
    load_tensorflow(threads)
    from deca_tf.serving.server.run import serve as run

    model = folder.resolve().name if name is None else name

    def ready(rest_port, grpc_at):
        console.print(
            f"Serving '{model}' at http://{host}:{rest_port}/ (a page; REST at /v1/models/{model}) "
            "and gRPC at "
            f"{host}:{grpc_at}. For development only: no encryption, no authentication. Ctrl-C "
            "ends it.",
            highlight=False,
            soft_wrap=True,
        )

    run(
        folder,
        model,
        host=host,
        rest_port=port,
        grpc_port=grpc_port,
        max_bytes=max_bytes,
        ready=ready,
    )
