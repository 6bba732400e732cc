"""`python -m reproduction`: runs what a table or figure of the paper needs, and makes it."""

import pathlib
from typing import Annotated

import typer

from deca_tf.cli.console import console

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

ALL = "all"
BOTH = "both"
RUN_LIST = "runs.csv"


@app.command()
def reproduce(
    target: Annotated[
        str, typer.Argument(help="A name from the list above, or all.", show_default=False)
    ],
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="ml-100k, modcloth, adressa or electronics; may be repeated. Default: all of the target's."
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="paper, clean or both. Default: both for table2, clean for clean, paper for the rest."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0 on.", min=1)] = 3,
    jobs: Annotated[
        int,
        typer.Option(
            help="Runs at once, one thread each if more than one; as many as there are cores is best. 0: in this very "
            "process, for debugging.",
            min=0,
        ),
    ] = 1,
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the runs.")] = pathlib.Path(
        "runs/reproduce"
    ),
    data_dir: Annotated[
        str | None,
        typer.Option(
            help="Folder of the public data sets. Default: the environment variable DECA_TF_DATA_DIR, else download."
        ),
    ] = None,
    document: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Markdown file whose marked places are filled in, such as reproduction/results/README.md; "
            "figures and the list of "
            f"runs, {RUN_LIST}, go beside it. Default: figures go to --out."
        ),
    ] = None,
    archive: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="File of finished runs without their models, such as reproduction/results/runs.tar.xz: runs "
            "that --out lacks "
            "are taken from it and not run again, and at the end it holds all. It is written if it "
            "is not there."
        ),
    ] = None,
    render_only: Annotated[
        bool,
        typer.Option(
            "--render-only", help="Run nothing; make tables and figures of what is finished."
        ),
    ] = False,
):
    """Makes a table or figure of the paper again, ours beside the paper's, or all of them.

    | target | what | two cores, without Adressa |
    |---|---|---|
    | table2 | overall: 6 methods, 4 models, 3 data sets, protocols paper and clean | 2 h 40 min |
    | table3 | ModCloth: one sub-task, DP or DN, alone | - |
    | table4, table6 | MF, GMF or NeuMF as h and h' (ModCloth; the others) | - |
    | table5 | table2 on Electronics, if its training file is there | - |
    | figure2 | how often models disagree on clean and on noisy clicks | - |
    | figure3 | recall on the clean test by epoch | - |
    | figure4 | probability of being real by stars, with AUC | - |
    | figure5, figure6 | C1 and C2 from 1 to 1000 (Adressa; the others) | - |
    | stability | last epoch over best epoch, at 1, 2 and 5 times the epochs | - |
    | clean | without leaks: popularity, item-kNN, EASE, ALS and all models | 50 min |
    | ties | ModCloth under three orders of equal scores | 4 min |
    | optimizers | the same recipes under `adam` and `lazy-adam` | - |

    Targets share runs, and a finished run is never run again: an interrupted call goes on where it
    stopped, and all costs less than its parts. Each run's folder below --out holds its settings,
    model, history and metrics.json. A run that fails does not stop the others; it is reported at
    the end, and the exit status is 1.

    **Examples**

      python -m reproduction table2 --dataset ml-100k --protocol paper --jobs 2 --data-dir data

      python -m reproduction all --jobs 2 --document reproduction/results/README.md

      python -m reproduction table2 --render-only --archive reproduction/results/runs.tar.xz
    """
    from deca_tf._checks import check_choice
    from deca_tf.data.schema import RELEASED
    from reproduction import archive as archives
    from reproduction import document as documents
    from reproduction import run_list
    from reproduction.plots import require_matplotlib
    from reproduction.results import Results
    from reproduction.targets import ORDER, TARGETS

    check_choice("target", target, (*ORDER, ALL))
    protocols = None
    if protocol is not None:
        check_choice("protocol", protocol, (*RELEASED, BOTH))
        protocols = RELEASED if protocol == BOTH else (protocol,)
    targets = [TARGETS.load(name)(name) for name in (ORDER if target == ALL else (target,))]
    if target == ALL:
        known = dict.fromkeys(name for each in targets for name in (*each.datasets, *each.also))
        for name in dataset or ():
            check_choice("dataset", name, known)
    asked = [
        (each, each.scope(dataset or None, protocols, data_dir, strict=target != ALL))
        for each in targets
    ]
    asked = [
        (each, scope)
        for each, scope in asked
        if scope.protocols and (scope.datasets or scope.left_out)
    ]
    if any(each.draws for each, _ in asked):
        require_matplotlib()  # what would fail after hours
    if document is not None:
        documents.check_places(
            document, [place for each, scope in asked for place in each.places(scope)]
        )
    if archive is not None and archive.exists():
        taken = archives.extract(archive, out)
        console.print(
            f"{taken} finished runs taken from {archive}.", highlight=False, soft_wrap=True
        )
    failures = [] if render_only else _run(asked, range(seeds), out, data_dir, jobs)

    with console.status("reading the runs") as status:
        results = Results(
            out, range(seeds), data_dir, say=lambda text: status.update(f"working out: {text}")
        )
        figures = out if document is None else document.parent
        blocks = {}
        for each, scope in asked:
            blocks |= each.render(scope, results, figures)
        if document is not None:
            documents.fill_in(document, blocks)
            run_list.write(results, document.with_name(RUN_LIST))
        if archive is not None:
            status.update(f"writing {archive}")
            archives.write(out, archive)
    for parts in blocks.values():
        _print(parts)
    _report(asked, results, failures, document)
    if failures:
        raise typer.Exit(1)


def _run(asked, seeds, out, data_dir, processes):
    """Runs what is not finished, with a display; returns the failures."""
    from reproduction.costs import Costs
    from reproduction.progress import Progress
    from reproduction.scheduler import jobs_to_do, run_jobs

    # Target by target, then seed by seed, so that there is a whole table early, if of fewer seeds.
    staged = [
        ((position, getattr(job, "seed", 0)), job)
        for position, (each, scope) in enumerate(asked)
        for job in each.jobs(scope, seeds)
    ]
    costs = Costs(out, dict.fromkeys(job for _, job in staged))
    jobs = jobs_to_do(staged, out, costs)
    total = len(dict.fromkeys(job for _, job in staged))
    console.print(
        f"{total} runs and baselines: {total - len(jobs)} finished, {len(jobs)} to do.",
        highlight=False,
    )
    with Progress(jobs, costs, max(1, processes), console) as watch:
        return run_jobs(jobs, out, data_dir=data_dir, processes=processes, watch=watch)


def _print(parts):
    from reproduction.tables import Figure, Table

    for part in parts:
        if isinstance(part, Table) and console.is_terminal:
            console.print(part.rich())
        elif isinstance(part, Table):
            print(f"{part.title}\n\n{part.markdown()}\n")  # no terminal's width, nothing cut
        elif isinstance(part, Figure):
            console.print(f"{part.caption}: {part.path}", highlight=False, soft_wrap=True)
        else:
            console.print(part, highlight=False)
    console.print()


def _report(asked, results, failures, document):
    """What the tables do not say: where things are, and what went wrong."""
    outdated = {
        problem
        for each, scope in asked
        for cell in each.all_cells(scope)
        for problem in results.outdated(cell)
    }
    if document is not None:
        console.print(f"{document} is filled in.", highlight=False, soft_wrap=True)
    for problem in sorted(outdated):
        console.print(
            f"Made with other settings than today's recipe: {problem}",
            highlight=False,
            soft_wrap=True,
        )
    for problem in results.problems:
        console.print(f"Could not be worked out: {problem}", highlight=False, soft_wrap=True)
    for failure in failures:
        log = f" All that it printed is in {failure.log}." if failure.log else ""
        console.print(
            f"FAILED {failure.job}: {failure.error}.{log}", highlight=False, soft_wrap=True
        )
