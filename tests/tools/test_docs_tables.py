"""What documents say of the code is filled in from the code."""

import pytest

from deca_tf._registry import Registry, Row
from tools import docs


def test_a_floor_is_a_list_of_rooms_the_commands_first():
    assert docs.floors()[0] == ["cli"]
    assert ["data"] in docs.floors()
    assert any({"evaluation", "serving"} <= set(floor) for floor in docs.floors())


def test_every_page_says_what_the_code_says(capsys):
    assert docs.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_named_and_filled(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "PAGES", {"page.md": ("parts",)})
    monkeypatch.setattr(docs, "blocks", lambda: {"parts": "new"})
    (tmp_path / "page.md").write_text("a\n<!-- begin parts -->\nold\n<!-- end parts -->\nz\n")
    assert docs.main(["--check"]) == 1
    assert "page.md must say what the code says. Run `make docs`." in capsys.readouterr().out
    assert docs.main([]) == 0
    expected = "a\n<!-- begin parts -->\nnew\n<!-- end parts -->\nz\n"
    assert (tmp_path / "page.md").read_text() == expected
    assert docs.main(["--check"]) == 0


def test_a_page_without_a_place_is_refused():
    with pytest.raises(ValueError, match="`page.md` must have a place for 'parts'"):
        docs.filled("nothing", {"parts": "new"}, "page.md")


def test_tables_come_from_rows_and_declarations():
    parts = Registry("part", {"a": Row("m:A", "First."), "b": Row("m:B", "Second.")})
    assert docs.parts_table("part", parts) == (
        "| part | what it is |\n|---|---|\n| `a` | First. |\n| `b` | Second. |"
    )
    made = docs.blocks()
    row = "| `q` | `0.7` | in [0, 1] | 0.1 to 0.9 | 0 is cross-entropy, 1 the absolute error of the probability. |"
    assert row in made["denoiser options"]
    assert "num_edges" not in made["backbone options"]
    deca_p = made["denoiser options"].split("### deca-p")[1].split("###")[0]
    assert "`alpha`" in deca_p
    assert "freeze_auxiliary" not in deca_p
    assert "| `folder` | of the shards. |" in made["source options"]
