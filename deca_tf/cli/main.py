"""The `deca-tf` command: finds the subcommand, and turns mistakes into one line each."""

import contextlib
import os
import signal
import sys
import warnings
from typing import Annotated

import typer

from deca_tf import __version__
from deca_tf.cli import (
    demo,
    deploy,
    evaluate,
    export,
    pipeline,
    recommend,
    refresh,
    rollback,
    serve,
    train,
    tune,
)
from deca_tf.cli._options import PARTS
from deca_tf.cli._words import in_command_words

FIRST = """deca-tf: recommenders that learn from clicks that lie. Try, in this order:

  deca-tf demo                                        the whole way, on made-up clicks
  deca-tf train clicks.csv                            learn from your own
  deca-tf tune clicks.csv                             search for better settings
  deca-tf export runs/clicks --to saved_models/clicks publish what was learned
  deca-tf recommend saved_models/clicks --user ID     ask it

All commands: deca-tf --help. Options of one: deca-tf train --help."""

app = typer.Typer(
    name="deca-tf",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def deca_tf(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
):
    """Recommenders that learn from clicks that lie.

    `deca-tf train clicks.csv` trains one on your own clicks, `deca-tf demo` shows the whole way.
    """
    if version:
        print(f"deca-tf {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(FIRST)


app.command("demo")(demo.demo)
app.command("train", epilog=PARTS)(train.train)
app.command("tune", epilog=PARTS)(tune.tune)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("recommend")(recommend.recommend)
app.command("serve")(serve.serve)
app.add_typer(deploy.app, name="deploy")
app.command("refresh")(refresh.refresh)
app.command("rollback")(rollback.rollback)
app.add_typer(pipeline.app, name="pipeline")

USER_MISTAKES = (ValueError, TypeError, OSError, ImportError)
INTERRUPTED = 130  # Typer's exit code after Ctrl-C


def main():
    """Entry point of the console script. Set DECA_TF_DEBUG=1 to see tracebacks."""
    if "" not in sys.path:
        sys.path.append("")  # so that `--model my_module:Mine` finds my_module.py in the folder
    run_app(app)


def run_app(app):
    """Runs a Typer program; a mistake becomes one line and exit code 2.

    Args:
        app: the `typer.Typer`.
    """
    warnings.formatwarning = lambda message, *_, **__: (
        f"Warning: {message}\n"
    )  # without file, line and source
    with _noting_interruptions() as interruptions:
        try:
            app()
        except SystemExit as stop:
            if stop.code == INTERRUPTED:
                _say_interrupted()
            raise
        except USER_MISTAKES as error:
            if os.environ.get("DECA_TF_DEBUG"):
                raise
            if (
                interruptions
            ):  # an import or a trace that Ctrl-C broke off may raise what looks like a mistake
                _say_interrupted()
                sys.exit(INTERRUPTED)
            message = in_command_words(str(error), typer.main.get_command(app), sys.argv[1:])
            print(f"Error: {message}", file=sys.stderr)
            sys.exit(2)


def _say_interrupted():
    print(
        "Interrupted. The same command goes on from the last epoch that was saved.", file=sys.stderr
    )


@contextlib.contextmanager
def _noting_interruptions():
    """Yields a list that has one entry per Ctrl-C, which is raised as ever."""
    interruptions = []

    def interrupt(number, frame):
        interruptions.append(number)
        raise KeyboardInterrupt

    interrupt.noted = interruptions  # so that training can see one that never reached it
    before = signal.getsignal(signal.SIGINT)
    if (
        before is not signal.SIG_IGN
    ):  # else whoever started it, in the background, wants it to be passed by
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield interruptions
    finally:
        signal.signal(signal.SIGINT, before)
