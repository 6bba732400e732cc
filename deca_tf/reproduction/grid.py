"""A grid of runs: which cells it has, and running those that are not finished yet."""

import concurrent.futures
import dataclasses
import multiprocessing
import os
import pathlib

from deca_tf.config import merge, resolve
from deca_tf.run_folder import RunFolder


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
    # A process is renewed after some runs: TensorFlow never frees what it has traced.
    with concurrent.futures.ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_single_thread, max_tasks_per_child=8
    ) as pool:
        pending = {pool.submit(_run_cell, cell, seed, root, data_dir): (cell, seed) for cell, seed in left}
        try:
            for future in concurrent.futures.as_completed(pending):
                future.result()
                report(pending[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run_cell(cell, seed, root, data_dir):
    from deca_tf.experiment import run

    run(cell.config(seed, data_dir), cell.folder(root, seed), show_progress=False)


def _single_thread():
    """Processes side by side each get one thread, so that they do not wait for each other."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
