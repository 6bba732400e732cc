"""Notebooks run from top to bottom."""

import os
import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def outputs_of(name, folder, monkeypatch):
    """Outputs of all cells of a notebook that is run from top to bottom."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]


def test_the_quickstart_runs(tmp_path, monkeypatch):
    outputs = outputs_of("01_quickstart", tmp_path, monkeypatch)
    assert any("image/png" in output.get("data", {}) for output in outputs), "the learning curve"
    assert outputs[-1]["data"]["text/html"].count("<td>user_0042</td>") == 10


def test_serving_runs(tmp_path, monkeypatch):
    outputs = outputs_of("02_serving", tmp_path, monkeypatch)
    printed = "".join(output.get("text", "") for output in outputs)
    assert "Serving 'clicks' at http://127.0.0.1:18601/" in printed
    assert "known: True - stranger: False" in printed
    assert outputs[-1]["data"]["text/html"].count("<td>") > 4, "the history"


def test_the_search_runs(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="needs the extra `plots`")
    outputs = outputs_of("03_search", tmp_path, monkeypatch)
    assert any("image/png" in output.get("data", {}) for output in outputs), "parallel coordinates"
    printed = "".join(output.get("text", "") for output in outputs)
    assert "[denoiser]" in printed
    assert 0 < float(printed.split()[-1]) < 1, "recall on the test"


def test_notebooks_are_stored_without_outputs():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs"), f"{path.name} holds outputs"
