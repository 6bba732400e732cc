"""`deca-tf pipeline`: the commands of the pipelines, which the library itself does not know."""

import importlib
import importlib.util
import pathlib

import typer

import deca_tf

INSTALLED, CHECKOUT = (
    "deca_tf_pipelines",
    "pipelines",
)  # by the wheel; beside deca_tf/ in a checkout
HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    help="From files on a cluster to a published model, on Apache Beam.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("run", context_settings=HANDED_ON)
def run(context: typer.Context):
    """Runs the steps of a pipeline that are not done yet.

    Options: `deca-tf pipeline run --help`.
    """
    _program("run")(context.args, prog_name="deca-tf pipeline run")


@app.command("generate", context_settings=HANDED_ON)
def generate(context: typer.Context):
    """Writes a log of any size to try a pipeline on.

    Options: `deca-tf pipeline generate --help`.
    """
    _program("generate")(context.args, prog_name="deca-tf pipeline generate")


def _program(name):
    """The Typer program of a module of the pipelines.

    Raises:
        ImportError: there are no pipelines, neither installed nor in a checkout.
    """
    for package in (INSTALLED, CHECKOUT):
        spec = importlib.util.find_spec(package)
        if spec is not None and (package == INSTALLED or _is_ours(spec)):
            return importlib.import_module(f"{package}.{name}").app
    raise ImportError(
        f"`deca-tf pipeline` requires the package {INSTALLED}, which comes with deca-tf. "
        "Received: an environment without it. Run `pip install 'deca-tf[pipelines]'`."
    )


def _is_ours(spec):
    """Whether a package called `pipelines` lies beside ours, and is not somebody else's."""
    checkout = pathlib.Path(deca_tf.__file__).resolve().parents[1]
    return spec.origin is not None and pathlib.Path(spec.origin).resolve().is_relative_to(checkout)
