"""Notebooks run from top to bottom."""

import importlib.util
import os
import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


FRESH = "%reset -f"  # between notebooks: none finds a name of another
# What takes longest and is not looked at: curves of three epochs are curves.
SHORTER = {"01_quickstart": ("epochs=25", "epochs=3"), "03_search": ("trials=3", "trials=2")}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Outputs of all cells by notebook.

    They are run from top to bottom, one after the other in one process without each other's names.
    """
    read = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS}
    if importlib.util.find_spec("tensorboard") is None:
        del read["03_search"]
    whole = nbformat.v4.new_notebook()
    for name, notebook in read.items():
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        long, short = SHORTER.get(name, ("", ""))
        assert any(long in cell.source for cell in cells), f"{name} has no {long}"
        for cell in cells:
            cell.metadata["notebook"] = name
            cell.source = cell.source.replace(long, short)
        whole.cells += [*cells, nbformat.v4.new_code_cell(FRESH)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", ""))
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        where = {"metadata": {"path": tmp_path_factory.mktemp("notebooks")}}
        NotebookClient(whole, timeout=300, kernel_name="python3", resources=where).execute()
    return {
        name: [
            output
            for cell in whole.cells
            if cell.metadata.get("notebook") == name
            for output in cell.outputs
        ]
        for name in read
    }


def test_the_quickstart_runs(outputs):
    found = outputs["01_quickstart"]
    assert any("image/png" in output.get("data", {}) for output in found), "the learning curve"
    assert found[-1]["data"]["text/html"].count("<td>user_0042</td>") == 10


def test_serving_runs(outputs):
    found = outputs["02_serving"]
    printed = "".join(output.get("text", "") for output in found)
    assert "Serving 'clicks' at http://127.0.0.1:18601/" in printed
    assert "known: True - stranger: False" in printed
    assert found[-1]["data"]["text/html"].count("<td>") > 4, "the history"


def test_the_search_runs(outputs):
    pytest.importorskip("tensorboard", reason="needs the extra `plots`")
    found = outputs["03_search"]
    assert any("image/png" in output.get("data", {}) for output in found), "parallel coordinates"
    printed = "".join(output.get("text", "") for output in found)
    assert "[denoiser]" in printed
    assert 0 < float(printed.split()[-1]) < 1, "recall on the test"


def test_notebooks_are_stored_without_outputs():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs"), f"{path.name} holds outputs"
