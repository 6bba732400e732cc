"""A grid of runs: which cells it has, and running those that are not finished yet."""

import dataclasses
import multiprocessing
import pathlib

from deca_tf.config import merge, resolve
from deca_tf.run_folder import RunFolder
from deca_tf.tensorflow_loader import load_tensorflow


@dataclasses.dataclass(frozen=True)
class Cell:
    """One model on one data set under one protocol; it is run once per seed.

    Args:
        dataset: name of the data set.
        protocol: 'clean' or 'paper'.
        backbone: name of the backbone.
        denoiser: name of the denoiser.
        item_bias: whether the backbone has an item bias.
    """

    dataset: str
    protocol: str
    backbone: str
    denoiser: str
    item_bias: bool = False

    def folder(self, root, seed):
        """Where the run of a seed lies below `root`."""
        bias = "-bias" if self.item_bias else ""
        return (
            pathlib.Path(root)
            / self.protocol
            / self.dataset
            / f"{self.backbone}{bias}-{self.denoiser}"
            / f"seed-{seed}"
        )

    def config(self, seed, data_dir=None):
        """The run's settings: the data set's recipe."""
        backbone = {"name": self.backbone, **({"item_bias": True} if self.item_bias else {})}
        data = {"dataset": self.dataset, "protocol": self.protocol}
        return resolve(
            overrides=merge(
                {"seed": seed, "data": data, "backbone": backbone, "denoiser": {"name": self.denoiser}},
                {"data": {"data_dir": str(data_dir)}} if data_dir else {},
            )
        )


def gmf_cells(datasets):
    """The GMF block of the paper's Table 2, and the same methods under protocol 'clean' with what a bias adds."""
    paper = [Cell(data, "paper", "gmf", denoiser) for data in datasets for denoiser in ("none", "deca", "deca-p")]
    clean = [
        Cell(data, "clean", backbone, denoiser, item_bias)
        for data in datasets
        for backbone in ("mf", "gmf")
        for item_bias in (False, True)
        for denoiser in ("none", "deca", "linear")
    ]
    return paper + clean


GRIDS = {"gmf": gmf_cells}


def run_grid(cells, seeds, root, *, data_dir=None, jobs=1, report=lambda done: None):
    """Runs every cell for every seed that is not finished yet.

    Args:
        cells: list of `Cell`.
        seeds: integers.
        root: folder of the runs.
        data_dir: folder of the public data sets.
        jobs: processes at once, each on its share of the processors.
        report: called with the finished `(cell, seed)` after each run.

    Raises:
        Exception: the first that a run raised; what was finished stays finished.
    """
    left = [(cell, seed) for seed in seeds for cell in cells]
    left = [(cell, seed) for cell, seed in left if not RunFolder(cell.folder(root, seed)).is_finished]
    if jobs == 1:
        for cell, seed in left:
            _run_cell(cell, seed, root, data_dir)
            report((cell, seed))
        return
    context = multiprocessing.get_context("spawn")  # a forked TensorFlow would hang
    # Each has one thread, so that they do not wait for each other, and is renewed after some runs: TensorFlow never
    # frees what it has traced.
    with context.Pool(jobs, initializer=load_tensorflow, initargs=(1,), maxtasksperchild=8) as pool:
        tasks = [(cell, seed, root, data_dir) for cell, seed in left]
        for done in pool.imap_unordered(_run_task, tasks):
            report(done)


def _run_task(task):
    _run_cell(*task)
    return task[:2]


def _run_cell(cell, seed, root, data_dir):
    from deca_tf.experiment import run

    run(cell.config(seed, data_dir), cell.folder(root, seed), show_progress=False)
