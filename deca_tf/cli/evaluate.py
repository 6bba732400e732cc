"""`deca-tf evaluate`: evaluates a finished run's model again."""

import json
import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli.console import console, print_metrics


def evaluate(
    run: Annotated[
        pathlib.Path, typer.Argument(metavar="DIR", help="Folder of a finished `deca-tf train`.")
    ],
    data_dir: Annotated[
        str | None,
        typer.Option(
            help="Folder of the public data sets, or of the run's table, if it has moved."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
):
    """Ranks all items for each test user with the stored model and prints the metrics.

    The data is read and split again as the run's config.toml says. The stored metrics.json is not
    changed; a figure that differs from it is said.

    **Example**

      deca-tf evaluate runs/clicks
    """
    load_tensorflow()
    from deca_tf.evaluation import evaluate as evaluate_model
    from deca_tf.runs.load import load_run

    stored, model, split = load_run(run, data_dir=data_dir)
    evaluation = evaluate_model(model, split)
    again = {
        "evaluation": {
            "users": evaluation.num_users,
            "warm_users": evaluation.num_warm_users,
            "seconds": evaluation.seconds,
        },
        "test": evaluation.metrics,
        "test_warm": evaluation.warm,
    }
    if as_json:
        print(json.dumps(again, indent=2))
        return
    print_metrics(
        again,
        f"{stored['dataset']}, {stored['backbone']}, {stored['denoiser']}, seed {stored['seed']}",
    )
    apart = max(abs(evaluation.metrics[name] - value) for name, value in stored["test"].items())
    said = (
        "as stored."
        if apart < 1e-6
        else f"up to {apart:.2g} away from metrics.json: is it the same data?"
    )
    console.print(f"The figures are {said}", highlight=False)
