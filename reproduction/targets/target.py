"""What every table and figure that can be reproduced says of itself."""

import dataclasses

from deca_tf._checks import check_choice
from deca_tf.data import schema
from reproduction import electronics
from reproduction.grid import Run
from reproduction.names import METHODS


@dataclasses.dataclass(frozen=True)
class Scope:
    """What is asked of a target.

    Args:
        datasets: names of data sets, all of which can be read.
        protocols: 'paper', 'clean' or both.
        left_out: why Electronics, which the target has, is not among the data sets; empty if it is,
            or was not asked for.
    """

    datasets: tuple
    protocols: tuple
    left_out: str = ""


class Target:
    """A table or a figure: the runs it needs, and how it is made of them.

    Attributes:
        title: one line for `--help` and the console.
        datasets: those it has.
        also: others that it takes where they are asked for.
        protocols: those it can be made under.
        default_protocols: those it is made under where none is asked for.
        draws: whether it needs matplotlib.
    """

    title = ""
    datasets = ()
    also = ()
    protocols = (schema.PAPER,)
    default_protocols = (schema.PAPER,)
    draws = False

    def __init__(self, name):
        self.name = name

    def scope(self, datasets=None, protocols=None, data_dir=None, strict=True):
        """What is asked for, as far as the target has it.

        Args:
            datasets: names, or None for all that can be read.
            protocols: names, or None for `default_protocols`.
            data_dir: folder of the public data sets.
            strict: refuse what the target does not have; else leave it out.

        Returns:
            A `Scope`.

        Raises:
            ValueError: a data set or protocol that the target does not have.
        """
        if strict:
            for dataset in datasets or ():
                check_choice("dataset", dataset, (*self.datasets, *self.also))
            if protocols and not set(protocols) & set(self.protocols):
                check_choice("protocol", protocols[0], self.protocols)
        chosen = self.datasets
        if datasets is not None:
            chosen = tuple(name for name in (*self.datasets, *self.also) if name in datasets)
        asked = tuple(
            name for name in self.protocols if name in (protocols or self.default_protocols)
        )
        left_out = (electronics.missing(data_dir) or "") if electronics.NAME in chosen else ""
        if left_out:
            chosen = tuple(name for name in chosen if name != electronics.NAME)
        return Scope(chosen, asked, left_out)

    def cells(self, dataset, protocol):
        """The cells of one data set under one protocol, a list."""
        raise NotImplementedError

    def all_cells(self, scope):
        """Those of all data sets and protocols of a scope."""
        return [
            cell
            for protocol in scope.protocols
            for dataset in scope.datasets
            for cell in self.cells(dataset, protocol)
        ]

    def jobs(self, scope, seeds):
        """What has to be done before it can be made: a list of jobs for `scheduler.run_jobs`."""
        return [Run(cell, seed) for seed in seeds for cell in self.all_cells(scope)]

    def places(self, scope):
        """Names of the blocks that `render` will give."""
        raise NotImplementedError

    def render(self, scope, results, figures):
        """The tables and figures, of what is finished.

        Args:
            scope: a `Scope`.
            results: `Results`.
            figures: folder that drawings go to.

        Returns:
            `{name of a place: list of parts}`, each part a text, a `Table` or a `Figure`.
        """
        raise NotImplementedError


def missing_note(results, cells):
    """A sentence on what is not finished, or ''."""
    lacking = [cell for cell in cells if len(results.finished(cell)) < len(results.seeds)]
    if not lacking:
        return ""
    runs = sum(len(results.seeds) - len(results.finished(cell)) for cell in lacking)
    return f"Not finished: {runs} runs, in {len(lacking)} of {len(cells)} cells."


def collapsed_note(results, cells):
    """A list of the cells with collapsed runs, or ''."""
    collapsed = {}
    for cell in cells:
        states = [
            metrics["collapsed"] for metrics in results.metrics(cell) if metrics.get("collapsed")
        ]
        if states:
            collapsed[cell.name] = (
                f"{cell.name} ({len(states)} of {len(results.finished(cell))}: {states[0]})"
            )
    if not collapsed:
        return ""
    return "\n".join(
        [
            "Ended collapsed, with probabilities that separate no click from none:",
            *(f"- {cell}" for cell in collapsed.values()),
        ]
    )


def notes(*sentences):
    """Sentences that are there, each on a line, as one part or none."""
    said = [sentence for sentence in sentences if sentence]
    return ["\n".join(said)] if said else []


def method_name(denoiser):
    """The name in print, or the denoiser's own where it has none."""
    return METHODS.get(denoiser, denoiser)
