"""`deca-tf reproduce`: runs a grid of the paper's cells and makes its tables."""

import pathlib
from typing import Annotated

import typer

from deca_tf.cli.console import console
from deca_tf.reproduction import grid as grids
from deca_tf.run_folder import RunFolder
from deca_tf.tensorflow_loader import load_tensorflow


def reproduce(
    grid: Annotated[
        str,
        typer.Argument(
            help="gmf: the GMF block of Table 2, and MF and GMF under protocol clean with and without bias."
        ),
    ] = "gmf",
    dataset: Annotated[
        list[str] | None, typer.Option(help="ml-100k or modcloth; may be repeated. Default: both.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0 on.", min=1)] = 3,
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the runs.")] = pathlib.Path("runs/reproduce"),
    data_dir: Annotated[
        str | None,
        typer.Option(
            help="Folder of the public data sets. Default: the environment variable DECA_TF_DATA_DIR, else download."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at once, one thread each if more than one.", min=1)] = 1,
    document: Annotated[
        pathlib.Path | None,
        typer.Option(help="Markdown file whose marked tables are replaced, with figures beside it: docs/results.md."),
    ] = None,
):
    """Trains every cell of a grid with several seeds and prints tables: ours beside the paper's.

    Finished cells are never run twice, so an interrupted call goes on. Each run's folder holds its settings, model,
    history and metrics.json.
    """
    load_tensorflow()
    from deca_tf.checks import check_choice
    from deca_tf.comparators import Popularity
    from deca_tf.evaluation import evaluate
    from deca_tf.experiment import read_split
    from deca_tf.reproduction import figures, tables
    from deca_tf.reproduction.tie_order import recall_by_tie_order

    check_choice("grid", grid, tuple(grids.GRIDS))
    datasets = tuple(dict.fromkeys(dataset or ("ml-100k", "modcloth")))
    for name in datasets:
        check_choice("dataset", name, ("ml-100k", "modcloth"))
    cells, seed_list = grids.GRIDS[grid](datasets), range(seeds)
    if document is not None:  # what would fail after hours
        figures.require_matplotlib()
        tables.check_places(document, ("paper", "clean", *(("ties",) if "modcloth" in datasets else ())))
    _run_with_progress(cells, seed_list, out, data_dir, jobs)
    popularity = {}
    for cell in cells:
        if cell.protocol == "clean" and cell.dataset not in popularity:
            split = read_split(cell.config(0, data_dir))
            popularity[cell.dataset] = evaluate(Popularity(split.train), split)
    blocks = {
        "paper": tables.paper_table(cells, seed_list, out),
        "clean": tables.clean_table(cells, seed_list, out, popularity),
    }
    if "modcloth" in datasets:
        recalls = {}
        for cell in cells:
            if (cell.dataset, cell.protocol) == ("modcloth", "paper"):
                found = [recall_by_tie_order(cell.folder(out, seed), data_dir) for seed in seed_list]
                recalls[cell.denoiser] = {order: [one[order] for one in found] for order in found[0]}
        blocks["ties"] = tables.ties_table(recalls)
    for name, table in blocks.items():
        console.print(f"\n{name}", style="bold")
        print(table)
    if document is not None:
        tables.fill_in(document, blocks)
        for name in datasets:
            shown = [cell for cell in cells if (cell.dataset, cell.protocol) == (name, "clean")]
            figures.learning_curves(shown, seed_list, out, document.with_name(f"learning_curves_{name}.png"))


def _run_with_progress(cells, seeds, out, data_dir, jobs):
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    left = sum(not RunFolder(cell.folder(out, seed)).is_finished for cell in cells for seed in seeds)
    with progress.Progress(*columns, console=console) as bar:
        task = bar.add_task("runs", total=left)

        def report(done):
            cell, seed = done
            bar.console.print(f"{cell.protocol} {cell.dataset} {cell.folder('', seed).parent.name} seed {seed}")
            bar.advance(task)

        grids.run_grid(cells, seeds, out, data_dir=data_dir, jobs=jobs, report=report)
