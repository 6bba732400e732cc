"""Grids run what is missing, and tables say what the runs' folders hold."""

import json

import numpy as np
import pytest

from deca_tf.cli import reproduce
from deca_tf.data import load_split
from deca_tf.evaluation import Evaluation
from deca_tf.reproduction import figures, grid, tables, tie_order
from deca_tf.run_folder import RunFolder, write_atomically


def fake_run(folder, config, recall):
    RunFolder(folder).begin(config)
    figures = {"recall@20": recall, "ndcg@20": recall / 2}
    metrics = {"test": figures, "test_warm": figures, "best_epoch": 7}
    write_atomically(RunFolder(folder).metrics_file, json.dumps(metrics))


def test_only_what_is_missing_is_run(tmp_path, monkeypatch):
    cells = [grid.Cell("ml-100k", "paper", "gmf", denoiser) for denoiser in ("none", "deca")]
    fake_run(cells[0].folder(tmp_path, 0), cells[0].config(0), 0.1)
    ran, told = [], []
    monkeypatch.setattr(grid, "_run_cell", lambda cell, seed, root, data_dir: ran.append((cell.denoiser, seed)))
    grid.run_grid(cells, range(2), tmp_path, report=told.append)
    assert ran == [("deca", 0), ("none", 1), ("deca", 1)]
    assert len(told) == 3


def test_the_grid_has_every_cell_that_is_promised():
    cells = grid.gmf_cells(("ml-100k", "modcloth"))
    assert len(set(cells)) == len(cells) == 2 * (3 + 12)
    folders = {cell.folder("runs", 0) for cell in cells}
    assert len(folders) == len(cells)
    assert all(cell.config(0).backbone.model_extra.get("item_bias", False) == cell.item_bias for cell in cells)


def test_the_paper_table_says_what_is_within(tmp_path):
    cells = [grid.Cell("ml-100k", "paper", "gmf", denoiser) for denoiser in ("none", "deca")]
    for cell, recalls in zip(cells, ((0.093, 0.097), (0.05, 0.06)), strict=True):
        for seed, recall in enumerate(recalls):
            fake_run(cell.folder(tmp_path, seed), cell.config(seed), recall)
    normal, deca = tables.paper_table(cells, range(2), tmp_path).splitlines()[2:]
    assert normal.startswith("| ml-100k | Normal | 0.0950 ± 0.0028 |")
    assert "| 0.095 | 0.059 | no |" in normal  # ndcg@20 of .0475 is .0115 away
    assert "| 0.109 | 0.064 | no |" in deca


def test_the_clean_table_has_popularity_first(tmp_path):
    cell = grid.Cell("ml-100k", "clean", "mf", "linear", item_bias=True)
    fake_run(cell.folder(tmp_path, 0), cell.config(0), 0.2)
    figures = {"recall@20": 0.17, "ndcg@20": 0.1}
    popularity = {"ml-100k": Evaluation(figures, figures, 1, 1, 0.0, None)}
    rows = tables.clean_table([cell], range(1), tmp_path, popularity).splitlines()[2:]
    assert rows[0].startswith("| ml-100k | popularity |")
    assert rows[1] == "| ml-100k | MF | yes | linear | 0.2000 | 0.1000 | 0.2000 | 7 |"


def test_documents_are_filled_in_where_they_are_marked(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n<!-- begin paper -->\nold\n<!-- end paper -->\nafter\n")
    tables.fill_in(page, {"paper": r"| new \1 |"})
    assert page.read_text() == "# Title\n<!-- begin paper -->\n| new \\1 |\n<!-- end paper -->\nafter\n"
    with pytest.raises(ValueError, match="place for 'ties'"):
        tables.fill_in(page, {"ties": ""})


def test_a_document_is_checked_before_the_grid_is_run(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    monkeypatch.setattr(reproduce, "_run_with_progress", None)
    with pytest.raises(FileNotFoundError, match="`document` must be an existing Markdown file. Received: '.*page.md'"):
        reproduce.reproduce(document=page, out=tmp_path)
    page.write_text("<!-- begin paper -->\n<!-- end paper -->\n<!-- begin clean -->\n<!-- end clean -->\n")
    with pytest.raises(ValueError, match="place for 'ties'"):
        reproduce.reproduce(document=page, out=tmp_path)


def test_renumbered_items_keep_every_score():
    split = load_split("synthetic", num_users=100, num_items=30, num_clicks=600)
    order = np.random.default_rng(0).permutation(30)
    renumbered = tie_order._renumbered(split, order)
    pairs = {
        (part.raw_user_ids[user], part.raw_item_ids[item])
        for part in (renumbered.test,)
        for user, item in zip(part.user_id, part.item_id, strict=True)
    }
    assert pairs == {
        (split.test.raw_user_ids[user], split.test.raw_item_ids[item])
        for user, item in zip(split.test.user_id, split.test.item_id, strict=True)
    }

    class Model:
        def score_all_items(self, user_ids):
            return np.arange(len(user_ids) * 30, dtype=np.float32).reshape(-1, 30)

    scores = tie_order._Renumbered(Model(), order).score_all_items(np.arange(2))
    np.testing.assert_array_equal(scores[:, np.argsort(order)], Model().score_all_items(np.arange(2)))


def test_learning_curves_are_drawn(tmp_path):
    cells = [grid.Cell("ml-100k", "clean", "mf", denoiser) for denoiser in ("none", "deca")]
    for cell in cells:
        for seed, epochs in enumerate((3, 2)):
            folder = RunFolder(cell.folder(tmp_path, seed))
            folder.begin(cell.config(seed))
            rows = "\n".join(f"{epoch + 1},{0.1 * (epoch + 1 + seed)}" for epoch in range(epochs))
            folder.history_file.write_text(f"epoch,val_recall@20\n{rows}\n")
    epochs, recalls = figures._curve(cells[0], range(2), tmp_path)
    assert list(epochs) == [1, 2]
    assert recalls == pytest.approx([0.15, 0.25])
    figures.learning_curves(cells, range(2), tmp_path, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
