"""Cells: where they lie, what they run, and the command that repeats them."""

import pathlib
import pickle
import shlex

import pytest

from deca_tf.cli._assignments import parse_assignment
from deca_tf.config import merge, resolve
from reproduction.grid import Cell, Run, cells_of

DP_ONLY = Cell("modcloth", "paper", "gmf", "deca-p", (("denoiser.phases", ("dp",)),))
BIASED = Cell(
    "ml-100k", "clean", "mf", "none", (("backbone.item_bias", True), ("training.epochs", 3))
)


def test_a_recipes_own_cell_lies_where_it_always_did():
    cell = Cell("ml-100k", "paper", "gmf", "deca")
    assert cell.folder("root", 2) == pathlib.Path("root/paper/ml-100k/gmf-deca/seed-2")
    recipe = {"data": {"dataset": "ml-100k", "protocol": "paper"}, "backbone": {"name": "gmf"}}
    assert cell.config(2) == resolve(
        overrides=merge(recipe, {"denoiser": {"name": "deca"}, "seed": 2})
    )


def test_overrides_are_in_the_folder_and_in_the_settings():
    assert DP_ONLY.name == "paper/modcloth/gmf-deca-p-denoiser.phases=dp"
    assert DP_ONLY.config(0).denoiser.model_extra["phases"] == ["dp"]
    assert BIASED.name == "clean/ml-100k/mf-none-backbone.item_bias=true-training.epochs=3"
    assert BIASED.config(0).backbone.model_extra == {"item_bias": True}
    assert BIASED.config(0).training.epochs == 3


def test_a_label_stands_for_many_overrides():
    cell = Cell("modcloth", "paper", "gmf", "none", (("training.epochs", 200),), "5x")
    assert cell.name == "paper/modcloth/gmf-none-5x"
    assert cell.config(0).training.epochs == 200


@pytest.mark.parametrize("cell", [DP_ONLY, BIASED, Cell("adressa", "paper", "cdae", "t-ce")])
def test_the_command_gives_the_same_settings(cell):
    words = shlex.split(cell.command(4, "some where"))
    assert words[:2] == ["deca-tf", "train"]
    assert words[-1] == "--out=some where"
    options = [word.removeprefix("--").split("=", 1) for word in words[2:-1]]
    given = {name: value for name, value in options if name != "set"}
    repeated = resolve(
        overrides=merge(
            {
                "seed": int(given["seed"]),
                "data": {"dataset": given["dataset"], "protocol": given["protocol"]},
            },
            {"backbone": {"name": given["backbone"]}, "denoiser": {"name": given["denoiser"]}},
            *(parse_assignment(value) for name, value in options if name == "set"),
        )
    )
    assert repeated == cell.config(4)


def test_equal_cells_are_one_run():
    cells = cells_of("modcloth", "paper", ("gmf", "mf"), ("none", "deca"))
    assert [(cell.backbone, cell.denoiser) for cell in cells] == [
        ("gmf", "none"),
        ("gmf", "deca"),
        ("mf", "none"),
        ("mf", "deca"),
    ]
    assert {Run(cells[0], 1), Run(Cell("modcloth", "paper", "gmf", "none"), 1)} == {
        Run(cells[0], 1)
    }
    assert pickle.loads(pickle.dumps(Run(DP_ONLY, 1))) == Run(DP_ONLY, 1)


def test_a_run_trains_by_the_cells_settings(monkeypatch, tmp_path):
    asked = []

    def run(config, out, *, show_progress):
        asked.append((config, out, show_progress))
        return {"test": {"recall@20": 0.25}, "collapsed": "all rejected"}

    monkeypatch.setattr("deca_tf.runs.run.run", run)
    said = Run(DP_ONLY, 3).do(tmp_path, "data")
    assert asked == [(DP_ONLY.config(3, "data"), DP_ONLY.folder(tmp_path, 3), False)]
    assert said == "recall@20 0.2500, collapsed: all rejected"
