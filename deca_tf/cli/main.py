"""The `deca-tf` command: finds the subcommand, and turns a user's mistake into one line instead of a traceback."""

import contextlib
import os
import signal
import sys
import warnings

import typer

from deca_tf.cli import (
    demo,
    deploy,
    evaluate,
    export,
    pipeline,
    recommend,
    rollback,
    serve,
    train,
    tune,
)

app = typer.Typer(
    name="deca-tf",
    help="Recommenders that learn from clicks that lie.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("train")(train.train)
app.command("tune")(tune.tune)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.command("recommend")(recommend.recommend)
app.command("serve")(serve.serve)
app.add_typer(deploy.app, name="deploy")
app.command("rollback")(rollback.rollback)
app.add_typer(pipeline.app, name="pipeline")

USER_MISTAKES = (ValueError, TypeError, OSError, ImportError)
INTERRUPTED = 130  # Typer's exit code after Ctrl-C


def main():
    """Entry point of the console script. Set DECA_TF_DEBUG=1 to see tracebacks."""
    if "" not in sys.path:
        sys.path.append("")  # so that `--backbone my_module:Mine` finds my_module.py in the folder
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
            print(f"Error: {error}", file=sys.stderr)
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
