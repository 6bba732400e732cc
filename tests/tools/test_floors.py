"""Documents show the floors that `pyproject.toml` sets."""

import pytest

from tools.floors import PAGES, ROOT, floors, floors_table


def test_a_floor_is_a_list_of_rooms_the_commands_first():
    assert floors()[0] == ["cli"]
    assert ["data"] in floors()
    assert any({"evaluation", "serving"} <= set(floor) for floor in floors())


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_show_them(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert f"<!-- begin floors -->\n{floors_table()}\n<!-- end floors -->" in text
