"""The gate: a model that lost more than the margin does not take the published one's place."""

import json

import pytest

from deca_tf.serving.gate import compare


@pytest.fixture
def folder(tmp_path):
    """Versions 1, with recall .2, and 3, with recall .1; 2 is not complete."""
    for number, recall in ((1, 0.2), (2, 0.9), (3, 0.1)):
        for name in (
            "saved_model.pb",
            "variables/variables.index",
            "variables/variables.data-00000-of-00001",
        ):
            path = tmp_path / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if number != 2:
            path = tmp_path / str(number) / "assets.extra" / "manifest.json"
            path.parent.mkdir()
            path.write_text(json.dumps({"validation": {"recall@20": recall}}))
    return tmp_path


@pytest.mark.parametrize(
    "recall, margin, passed", [(0.091, 0.1, True), (0.089, 0.1, False), (0.5, 0.0, True)]
)
def test_it_compares_with_the_newest_complete_version(recall, margin, passed, folder):
    found = compare(folder, {"recall@20": recall, "rule": "rating >= 5"}, margin=margin)
    assert found.passed is passed
    assert (
        f"recall@20 {recall:.4f} on the validation (rating >= 5), "
        f"{'at least' if passed else 'below'}" in found.text
    )
    assert "version 3's 0.1000" in found.text


def test_with_nothing_to_compare_it_passes(folder, tmp_path):
    validation = {"recall@20": 0.0, "rule": "all rows"}
    assert compare(tmp_path / "none", validation).text.endswith("nothing is published yet.")
    manifest = folder / "3" / "assets.extra" / "manifest.json"
    manifest.write_text("{}")
    found = compare(folder, validation)
    assert found.passed and found.text.endswith("version 3 does not tell its own.")
