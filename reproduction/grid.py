"""The cells of the paper's tables.

Which run each one is, where it lies, and by which command it repeats.
"""

import dataclasses
import pathlib
import shlex

from deca_tf.config import merge, resolve
from deca_tf.runs.folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Cell:
    """One model on one data set under one protocol; it is run once per seed.

    Cells that are equal are one run, whatever tables they stand in.

    Args:
        dataset: name of the data set.
        protocol: 'clean' or 'paper'.
        backbone: name of the backbone.
        denoiser: name of the denoiser.
        overrides: what differs from the data set's recipe, pairs of a dotted key and a value:
            `(("denoiser.noise_model", "gmf"),)`. A list is written as a tuple.
        label: stands for the overrides in the folder's name where they are many; empty: they are
            spelled out.
    """

    dataset: str
    protocol: str
    backbone: str
    denoiser: str
    overrides: tuple = ()
    label: str = ""

    @property
    def name(self):
        """The folder of all seeds, relative to the root.

        `paper/ml-100k/gmf-deca-denoiser.noise_model=gmf`.
        """
        spelled = self.label or "-".join(
            f"{key}={_spelled(value)}" for key, value in self.overrides
        )
        return f"{self.protocol}/{self.dataset}/{self.backbone}-{self.denoiser}{'-' if spelled else ''}{spelled}"

    def folder(self, root, seed):
        """Where the run of a seed lies below `root`."""
        return pathlib.Path(root) / self.name / f"seed-{seed}"

    def config(self, seed, data_dir=None):
        """The run's settings: the data set's recipe, then the overrides."""
        given = {
            "seed": seed,
            "data": {"dataset": self.dataset, "protocol": self.protocol},
            "backbone": {"name": self.backbone},
            "denoiser": {"name": self.denoiser},
        }
        located = {"data": {"data_dir": str(data_dir)}} if data_dir else {}
        return resolve(
            overrides=merge(given, *(_nested(*pair) for pair in self.overrides), located)
        )

    def command(self, seed, out):
        """The command that makes the run of a seed anew, in a folder of one's own."""
        options = {
            "dataset": self.dataset,
            "protocol": self.protocol,
            "backbone": self.backbone,
            "denoiser": self.denoiser,
            "seed": seed,
        }
        words = ["deca-tf", "train", *(f"--{name}={value}" for name, value in options.items())]
        words += [f"--set={key}={_toml(value)}" for key, value in self.overrides]
        return shlex.join([*words, f"--out={out}"])


def cells_of(dataset, protocol, backbones, denoisers):
    """The recipes' own cells, backbone by backbone."""
    return [
        Cell(dataset, protocol, backbone, denoiser)
        for backbone in backbones
        for denoiser in denoisers
    ]


@dataclasses.dataclass(frozen=True)
class Run:
    """One cell with one seed: a job for `scheduler.run_jobs`."""

    cell: Cell
    seed: int

    def __str__(self):
        return f"{self.cell.name} seed {self.seed}"

    def folder(self, root):
        """Where it lies below `root`."""
        return self.cell.folder(root, self.seed)

    def is_finished(self, root):
        """Whether it came to its end."""
        return RunFolder(self.folder(root)).is_finished

    def do(self, root, data_dir=None):
        """Trains and evaluates, or goes on where an earlier call was interrupted.

        Returns:
            What to say of it, a few words.
        """
        metrics = _run_cell(self.cell, self.seed, root, data_dir)
        collapsed = f", collapsed: {metrics['collapsed']}" if metrics.get("collapsed") else ""
        return f"recall@20 {metrics['test']['recall@20']:.4f}{collapsed}"


def _run_cell(cell, seed, root, data_dir):
    from deca_tf.runs.run import run

    return run(cell.config(seed, data_dir), cell.folder(root, seed), show_progress=False)


def _nested(key, value):
    """`("denoiser.c1", 10)` as `{"denoiser": {"c1": 10}}`."""
    nested = list(value) if isinstance(value, tuple) else value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return nested


def _spelled(value):
    """A value in a folder's name."""
    if isinstance(value, tuple):
        return "+".join(map(_spelled, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _toml(value):
    """A value as `--set` reads it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_inner, value))}]"
    return _spelled(value)


def _toml_inner(value):
    return f'"{value}"' if isinstance(value, str) else _spelled(value)
