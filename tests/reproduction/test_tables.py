"""Fields, marks, paired tests, and the places of a document."""

import pytest

from reproduction import document, tables


@pytest.mark.parametrize(
    ("ours", "figure", "mark"),
    [
        (0.094, (0.100, 0.001), ""),  # 6 % below
        (0.0939, (0.100, 0.001), "▼"),
        (0.106, (0.100, 0.001), ""),
        (0.1061, (0.100, 0.001), "▲"),
        (0.086, (0.100, 0.007), ""),  # two standard deviations below
        (0.0859, (0.100, 0.007), "▼"),
        (0.2300, (0.2452, None), "▼"),  # the paper has none
        (0.2310, (0.2452, None), ""),
    ],
)
def test_marks(ours, figure, mark):
    assert tables.mark(ours, figure) == mark


def test_fields():
    assert (
        tables.beside_paper([0.1, 0.12], (0.109, 0.007), "*†")
        == "0.1100 ± 0.0141 *†\n0.109 ± 0.007"
    )
    assert tables.beside_paper([0.05], (0.2452, None)) == "0.0500 ▼\n0.2452"
    assert tables.beside_paper([], (0.245, None)) == "-\n0.245"
    assert tables.beside_paper([0.05], None) == "0.0500"
    assert tables.spread([]) == "-"
    assert (tables.num_runs(3, 3), tables.num_runs(1, 3)) == ("3", "1 of 3")


def test_a_table_as_markdown():
    table = tables.Table(["a", "b"], [["1|2", "x\ny"]], "Title")
    assert table.markdown() == "| a | b |\n| --- | --- |\n| 1\\|2 | x<br>y |"
    table.folded = True
    assert table.markdown().startswith("<details><summary>Title</summary>\n\n| a | b |")
    assert table.rich().row_count == 1


def test_documents_are_filled_in_where_they_are_marked(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n<!-- begin a.b -->\nold\n<!-- end a.b -->\nafter\n<!-- begin x -->\n<!-- end x "
        "-->\n"
    )
    document.fill_in(page, {"a.b": [tables.Table(["h"], [[r"\1"]]), "said"], "x": ["y"]})
    assert page.read_text() == (
        "# Title\n<!-- begin a.b -->\n| h |\n| --- |\n| \\1 |\n\nsaid\n<!-- end a.b -->\nafter\n"
        "<!-- begin x -->\ny\n<!-- end x -->\n"
    )
    with pytest.raises(
        ValueError, match="must have a place for 'ties', 'axb'. Add <!-- begin ties -->"
    ):
        document.fill_in(page, {"ties": [], "axb": []})
    with pytest.raises(
        FileNotFoundError, match="`document` must be an existing Markdown file.*absent.md"
    ):
        document.check_places(tmp_path / "absent.md", [])
