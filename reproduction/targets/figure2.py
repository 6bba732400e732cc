"""Figure 2: how often two models trained normally disagree on a click.

On clean clicks and on noisy ones.

The prediction difference of two models on a pair is |I(p >= 0.5) - I(p' >= 0.5)|, with p and p'
their probabilities; it is averaged over the training interactions with 4 or 5 stars (clean) and
with 1 or 2 (noisy). The caption says ModCloth and the text MovieLens-100k: both are drawn.
"""

import itertools

import numpy as np

from deca_tf.data import schema
from reproduction import derived, plots, tables
from reproduction.grid import cells_of
from reproduction.names import dataset_name
from reproduction.targets.target import Target, missing_note, notes

SHORT = {"mf": "MF", "gmf": "GMF", "neumf": "NMF", "lightgcn": "LGN"}  # the paper's abbreviations
CHUNK = 65_536  # pairs scored at once


class Figure2(Target):
    """Panel (a): different models with one seed. Panel (b): one model with two seeds."""

    title = (
        "Figure 2: disagreement of two models, or two seeds, on clean and on noisy training clicks"
    )
    datasets = ("modcloth", "ml-100k")
    draws = True

    def cells(self, dataset, protocol):
        return cells_of(dataset, protocol, tuple(SHORT), ("none",))

    def places(self, scope):
        return [self.name]

    def render(self, scope, results, figures):
        parts, panels = [], []
        for dataset in scope.datasets:
            cells = self.cells(dataset, schema.PAPER)
            accepted = {cell.backbone: _accepted(results, cell) for cell in cells}
            groups = _groups(results, cells) if any(accepted.values()) else {}
            pairs = {"models": _by_model(accepted, groups), "seeds": _by_seed(accepted, groups)}
            panels += [(dataset, kind, found) for kind, found in pairs.items() if found]
            rows = [
                [
                    label,
                    *(
                        tables.spread([pair[group] for pair in found])
                        for group in ("clean", "noisy")
                    ),
                    str(len(found)),
                ]
                for kind in pairs
                for label, found in pairs[kind].items()
            ]
            head = ["pair", "clean (4-5 stars)", "noisy (1-2 stars)", "pairs of runs"]
            parts.append(
                tables.Table(
                    head, rows, f"Figure 2, {dataset_name(dataset)}: mean prediction difference"
                )
            )
            shares = _shares(accepted, groups)
            head = ["model", "clean (4-5 stars)", "noisy (1-2 stars)", "seeds"]
            title = f"Share of the same clicks with a probability of 0.5 or more, {dataset_name(dataset)}"
            parts.append(tables.Table(head, shares, title, folded=True))
            parts += notes(missing_note(results, cells))
        if panels:
            path = figures / "figure2.png"
            _draw(panels, path)
            caption = "Mean prediction differences on clean and noisy examples, from different models or seeds"
            parts.insert(0, tables.Figure(path, caption))
        return {self.name: parts}


def _accepted(results, cell):
    """`{seed: bool (n,)}`.

    Which training interactions a finished run's target gives a probability of 0.5 or more.
    """
    found = derived.of_cell(results, "accepted", cell, _accept)
    return {seed: _unpacked(finding) for seed, finding in found.items()}


def _accept(model, split):
    train = split.train
    accepted = np.empty(len(train), bool)
    for start in range(0, len(train), CHUNK):
        rows = slice(start, start + CHUNK)
        inputs = {schema.USER_ID: train.user_id[rows], schema.ITEM_ID: train.item_id[rows]}
        accepted[rows] = (
            np.asarray(model.recommender(inputs, training=False)) >= 0
        )  # the logit of 0.5
    return {"interactions": len(train), "bits": np.packbits(accepted).tobytes().hex()}


def _unpacked(finding):
    bits = np.frombuffer(bytes.fromhex(finding["bits"]), np.uint8)
    return np.unpackbits(bits, count=finding["interactions"]).astype(bool)


def _groups(results, cells):
    """Masks of the clean and of the noisy training interactions."""
    stars = results.split(cells[0]).train.rating
    return {"clean": stars >= 4, "noisy": stars <= 2}


def _difference(first, second, groups):
    return {name: float(np.mean(first[mask] != second[mask])) for name, mask in groups.items()}


def _by_model(accepted, groups):
    """`{"MF-GMF": [differences of each seed]}`."""
    found = {}
    for one, other in itertools.combinations(accepted, 2):
        for seed in accepted[one].keys() & accepted[other].keys():
            difference = _difference(accepted[one][seed], accepted[other][seed], groups)
            found.setdefault(f"{SHORT[one]}-{SHORT[other]}", []).append(difference)
    return found


def _by_seed(accepted, groups):
    """`{"MF": [differences of each two seeds]}`."""
    found = {}
    for backbone, by_seed in accepted.items():
        for one, other in itertools.combinations(by_seed.values(), 2):
            found.setdefault(SHORT[backbone], []).append(_difference(one, other, groups))
    return found


def _shares(accepted, groups):
    rows = []
    for backbone, by_seed in accepted.items():
        if by_seed:
            shares = [
                [float(bits[mask].mean()) for bits in by_seed.values()] for mask in groups.values()
            ]
            rows.append([SHORT[backbone], *map(tables.spread, shares), str(len(by_seed))])
    return rows


def _draw(panels, path):
    titles = {"models": "different models", "seeds": "different random seeds"}
    datasets = list(dict.fromkeys(dataset for dataset, _, _ in panels))
    with plots.drawing(path, 2, len(datasets), width=4.2) as axes:
        drawn = {(dataset, kind): found for dataset, kind, found in panels}
        for row, dataset in zip(axes, datasets, strict=True):
            for axis, kind in zip(row, titles, strict=True):
                found = drawn.get((dataset, kind), {})
                places = np.arange(len(found))
                for shift, group in ((-0.2, "clean"), (0.2, "noisy")):
                    means = [np.mean([pair[group] for pair in pairs]) for pairs in found.values()]
                    axis.bar(places + shift, means, 0.4, label=group)
                axis.set_xticks(places, list(found), fontsize=8)
                axis.set(
                    title=f"{dataset_name(dataset)}, {titles[kind]}",
                    ylabel="mean prediction difference",
                )
                axis.title.set_fontsize(9)
        axes[0][0].legend(frameon=False)
