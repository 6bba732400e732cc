"""`python -m reproduction.rankers`: searches, trains and tests every model on every log."""

import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def rankers(
    log: Annotated[
        list[str] | None, typer.Option(help="Name of a log; may be repeated. Default: all.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Name of a model; may be repeated. Default: all.")
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of the public data sets.")] = None,
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the runs.")] = pathlib.Path(
        "runs/rankers"
    ),
    seeds: Annotated[int, typer.Option(help="Of models that differ by seed.", min=1)] = 3,
    threads: Annotated[int | None, typer.Option(help="That TensorFlow may use.")] = None,
    table_only: Annotated[bool, typer.Option("--table-only", help="Run nothing.")] = False,
):
    """Chooses settings by validation, trains with several seeds, reads the test once.

    A model whose settings are found and a run that is finished are not made again.
    """
    load_tensorflow(threads)
    from deca_tf._checks import check_choice
    from reproduction.rankers.logs import LOGS
    from reproduction.rankers.models import RANKERS
    from reproduction.rankers.running import run_all
    from reproduction.rankers.table import markdown, read

    for name in log or ():
        check_choice("log", name, LOGS)
    for name in model or ():
        check_choice("model", name, RANKERS)
    for name in log or LOGS:
        if not table_only:
            run_all(name, model or RANKERS, out, data_dir, seeds, print)
        found = {each: read(out / name / each) for each in RANKERS}
        found = {each: reached for each, reached in found.items() if reached is not None}
        if found:
            print(f"\n### {name}\n\n{markdown(found, RANKERS)}\n")


if __name__ == "__main__":
    app()
