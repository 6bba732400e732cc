"""Whether a model may take the place of the one that is published."""

import dataclasses
import json

from deca_tf.serving.versions import MANIFEST, complete_versions

METRIC = "recall@20"
MARGIN = 0.05  # of the published model's figure


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A model beside the one that is published.

    Args:
        passed: whether it may take its place.
        text: the figures, a sentence.
    """

    passed: bool
    text: str


def compare(folder, validation, metric=METRIC, margin=MARGIN):
    """Compares a model's validation with that of the newest version.

    Args:
        folder: what `export` is given; it need not exist.
        validation: `{"recall@20": ..., "rule": ..., "users": ...}`, as in the manifest's
            "validation".
        metric: which figure.
        margin: the share of the published figure that may be lost.

    Returns:
        A `Comparison`. It passes where there is nothing to compare with: no version, or one without
        this figure.
    """
    new = f"{metric} {validation[metric]:.4f} on the validation ({validation['rule']})"
    versions = complete_versions(folder) if folder.is_dir() else {}
    if not versions:
        return Comparison(True, f"{new}; nothing is published yet.")
    number = max(versions)
    published = (
        json.loads((versions[number] / MANIFEST).read_text(encoding="utf-8")).get("validation")
        or {}
    )
    old = published.get(metric)
    if old is None:
        return Comparison(True, f"{new}; version {number} does not tell its own.")
    least = old * (1.0 - margin)
    passed = validation[metric] >= least
    verdict = "at least" if passed else "below"
    return Comparison(
        passed,
        f"{new}, {verdict} the {least:.4f} that are asked: {1 - margin:.0%} of version {number}'s "
        f"{old:.4f}.",
    )
