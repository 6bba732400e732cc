"""Runs the steps of a pipeline.

`deca-tf pipeline run`, or `python -m pipelines.run` in a checkout.
"""

import logging
import pathlib
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deca_tf._checks import check_choice, did_you_mean
from deca_tf._extras import require_extra
from deca_tf._tensorflow import load_tensorflow

from .settings import Settings
from .step import Context, PipelineStopped
from .steps import ORDER, STEPS
from .store import Store, key_of

console = Console()
errors = Console(stderr=True)


def run_pipeline(
    settings, step=None, options=None, tell=lambda step, execution, seconds: None, *, until=None
):
    """Runs every step, or one, or the first ones.

    Args:
        settings: `Settings`.
        step: name of the only one to run, on the newest outputs of the others; None: all.
        options: list of Beam's own options, such as `["--runner=DirectRunner",
            "--direct_num_workers=2"]`.
        tell: called after each step with its name, its `Execution`, and seconds, None if it was
            done before.
        until: name of the last one to run, where `step` is None; None: the last of all.

    Returns:
        `{step: Execution}`.

    Raises:
        PipelineStopped: a step refused to go on.
        ValueError, ImportError: settings that a step cannot use; said before any step runs.
        FileNotFoundError: an input that no step has made yet.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    for argument, given in (("step", step), ("until", until)):
        if given is not None:
            check_choice(argument, given, ORDER)
    if step is not None and until is not None:
        raise ValueError(
            f"`step` and `until` must not both be set. Received: step={step!r}, until={until!r}."
        )
    options = options or []
    _check_options(options)
    first_ones = ORDER[: None if until is None else ORDER.index(until) + 1]
    store = Store(settings.root)
    context = Context(settings, store, PipelineOptions(options))
    done = {}
    steps = {name: STEPS.load(name)() for name in (first_ones if step is None else (step,))}
    for each in steps.values():
        each.check(context)
    for name, each in steps.items():
        began = time.perf_counter()
        done[name], is_new = _run_step(each, context, done)
        tell(name, done[name], time.perf_counter() - began if is_new else None)
    return done


def _check_options(options):
    """Refuses what Beam would pass over without a word.

    A mistyped `--until Split` would publish a model.

    Only where all options are known: other runners than Beam's own may have more.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    given = PipelineOptions(options)
    if given.view_as(StandardOptions).runner not in (None, "DirectRunner"):
        return
    known = given.get_all_options()
    unknown = sorted({*given.get_all_options(retain_unknown_options=True)} - {*known})
    if unknown:
        names = ["step", "until", "config", "runner", *known]
        tips = "".join(did_you_mean(name, names) for name in unknown)
        raise ValueError(
            "Options must be those of the command or of Beam. Received: "
            f"{', '.join(f'--{name}' for name in unknown)}.{tips}"
        )


def _run_step(step, context, done):
    """The execution of a step, and whether it was run now."""
    store = context.store
    sources = {name: _source(name, store, done) for name in step.inputs}
    inputs = {name: store.path(execution, name) for name, execution in sources.items()}
    digests = {name: execution.digests[name] for name, execution in sources.items()}
    key = key_of(step, step.settings(context, inputs), digests)
    found = store.find(step.name, key)
    if found is not None:
        return found, False
    write = lambda outputs: step.run(inputs, outputs, context)  # noqa: E731
    return store.publish(step.name, key, inputs, step.outputs, write, step.goes_on), True


def _source(output, store, done):
    """The execution that made an input: of this run, else the newest."""
    maker = next(name for name in ORDER if output in STEPS.load(name).outputs)
    if maker in done:
        return done[maker]
    for execution in reversed(store.executions(maker)):
        return execution
    raise FileNotFoundError(
        f"There must be an artifact {output!r}. Received: {str(store.root)!r}, where {maker} has "
        "not "
        "run. Run all steps."
    )


def command(
    context: typer.Context,
    config: Annotated[
        pathlib.Path,
        typer.Option(help="TOML file: where the log is, where artifacts go, what is allowed."),
    ],
    step: Annotated[str | None, typer.Option(help=f"Only this one: {', '.join(ORDER)}.")] = None,
    until: Annotated[str | None, typer.Option(help="Only the steps up to this one.")] = None,
    runner: Annotated[
        str,
        typer.Option(help="Beam's: DirectRunner, DataflowRunner, FlinkRunner, SparkRunner, ..."),
    ] = "DirectRunner",
):
    """Runs a pipeline on Apache Beam, from a log of clicks to a published model.

    Steps that are done for the same input and settings are not run again. What would poison a model
    stops the run with a report, and exit status 3. A model that is not good enough is not
    published, and that is told; the run has done its work, and exits with 0. Any other option is
    handed to Beam.

    **Examples**

      deca-tf pipeline run --config clicks.toml

      deca-tf pipeline run --config clicks.toml --direct_num_workers=2 --direct_running_mode=multi_processing

      deca-tf pipeline run --config clicks.toml --step StatisticsGen
    """  # noqa: W505
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # it logs each error that it raises
    table = Table("step", "execution", "seconds", "rows/s", "notes")

    def tell(name, execution, seconds):
        rows = execution.notes.get("rows")
        rate = f"{rows / seconds:,.0f}" if rows and seconds else ""
        notes = ", ".join(f"{key} {_shown(value)}" for key, value in execution.notes.items())
        table.add_row(
            name,
            str(execution.number),
            "done before" if seconds is None else f"{seconds:.1f}",
            rate,
            notes,
        )
        console.print(
            f"{name}: {'done before' if seconds is None else f'{seconds:.1f} s'}", highlight=False
        )

    try:
        require_extra("pipelines", "`deca-tf pipeline run`")
        load_tensorflow()
        run_pipeline(
            Settings.read(config), step, [f"--runner={runner}", *context.args], tell, until=until
        )
    except PipelineStopped as stop:
        errors.print(str(stop), highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(3) from None
    except (ValueError, ImportError, OSError) as error:
        errors.print(f"Error: {error}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except RuntimeError as error:
        said = _said_by_worker(error)
        if said is None:
            raise
        errors.print(f"Error: {said}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    console.print(table)


def _said_by_worker(error):
    """The text of a ValueError of ours in a worker process; else None.

    Beam passes it on as a whole traceback.
    """
    _, is_one, said = str(error).rpartition("\nValueError: ")
    return said.strip() if is_one and "Received: " in said else None


def _shown(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": ["-h", "--help"],
    }
)(command)

if __name__ == "__main__":
    app()
