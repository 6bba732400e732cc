"""`deca-tf export`: publishes a run's model as a SavedModel."""

import pathlib
import shlex
from typing import Annotated

import typer

from deca_tf.cli.console import console
from deca_tf.tensorflow_loader import load_tensorflow


def export(
    run: Annotated[pathlib.Path, typer.Argument(metavar="DIR", help="Folder of a finished `deca-tf train`.")],
    to: Annotated[pathlib.Path, typer.Option(help="Folder of the served model, such as saved_models/clicks.")],
    k: Annotated[int, typer.Option("-k", help="Items per answer.", min=1)] = 10,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the public data sets, or of the run's table, if it has moved.")
    ] = None,
):
    """Writes the next version of a served model: raw user id in, ranked raw item ids and scores out.

    Only the denoised model is shipped, with what each user has seen, which is never recommended. Any TensorFlow
    Serving can load the folder; `deca-tf recommend` asks it here.
    """
    load_tensorflow()
    from deca_tf.experiment import load_run
    from deca_tf.serving import export as publish

    stored, model, split = load_run(run, data_dir=data_dir)
    about = {key: stored[key] for key in ("dataset", "backbone", "denoiser", "protocol", "seed", "config", "test")}
    version = publish(model, split, to, k=k, manifest=about)
    first = split.train.raw_user_ids[split.train.user_id[0]]
    ask = shlex.join(["deca-tf", "recommend", str(to), "--user", str(first)])
    console.print(f"Published {version}. Ask it: {ask}", highlight=False, soft_wrap=True)
