"""The floors of the rooms, as documents show them (`python -m tools.floors` fills them in).

`pyproject.toml` says them, nothing else does.
"""

import pathlib
import tomllib

from reproduction.document import fill_in

ROOT = pathlib.Path(__file__).parents[1]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md")


def floors():
    """Lists of rooms, the highest floor first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    layers = next(each["layers"] for each in settings["contracts"] if each["type"] == "layers")
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def floors_table():
    """The Markdown table that stands between `<!-- begin floors -->` and `<!-- end floors -->`."""
    rows = [
        f"| {number} | {', '.join(f'`{room}`' for room in rooms)} |"
        for number, rooms in enumerate(floors(), start=1)
    ]
    return "\n".join(["| floor, from the top | rooms |", "|---|---|", *rows])


if __name__ == "__main__":
    for page in PAGES:
        fill_in(ROOT / page, {"floors": [floors_table()]})
