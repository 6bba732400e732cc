"""What documents say of the code, filled in from the code (`make docs`; `--check` for `make lint`).

A block stands between `<!-- begin NAME -->` and `<!-- end NAME -->`, in Python between `# begin
NAME` and `# end NAME`. Registries say the parts, classes their options, `pyproject.toml` the
floors.
"""

import inspect
import pathlib
import re
import sys
import tomllib

from deca_tf._tensorflow import load_tensorflow
from deca_tf.backbones import BACKBONES
from deca_tf.baselines import BASELINES
from deca_tf.data.sources import SOURCES, TABLE_FILES, find
from deca_tf.denoisers import DENOISERS
from deca_tf.optimizers import OPTIMIZERS
from deca_tf.parts.options import REQUIRED

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {
    "README.md": ("datasets", "denoisers", "backbones", "baselines"),
    "CONTRIBUTING.md": ("floors",),
    "docs/architecture.md": ("floors",),
    "docs/parts.md": ("backbone options", "denoiser options", "baseline options", "source options"),
    **{
        f"deca_tf/{room}/__init__.py": (f"{room} exports",)
        for room in ("backbones", "baselines", "denoisers", "optimizers")
    },
}
ROOMS = {
    "backbones": BACKBONES,
    "baselines": BASELINES,
    "denoisers": DENOISERS,
    "optimizers": OPTIMIZERS,
}


def main(arguments):
    """Fills the blocks of all pages, or says which of them are not as the code is."""
    load_tensorflow()  # without its greetings
    made, stale = blocks(), []
    for page, names in PAGES.items():
        before = (ROOT / page).read_text(encoding="utf-8")
        after = filled(before, {name: made[name] for name in names}, page)
        if after != before:
            stale.append(page)
            if "--check" not in arguments:
                (ROOT / page).write_text(after, encoding="utf-8")
    if stale and "--check" in arguments:
        print(f"Docs: {', '.join(stale)} must say what the code says. Run `make docs`.")
        return 1
    print(f"Docs: {len(PAGES)} pages, {len(stale)} filled in.")
    return 0


def blocks():
    """`{name: text}` of all blocks."""
    return {
        "floors": table(
            ["floor, from the top", "rooms"],
            [
                [str(number), ", ".join(f"`{room}`" for room in rooms)]
                for number, rooms in enumerate(floors(), start=1)
            ],
        ),
        "datasets": table(
            ["data set", "what it is"],
            [[code(name), row.summary] for name, row in (*SOURCES.items(), TABLE_FILES)],
        ),
        "denoisers": parts_table("`--denoiser`", DENOISERS),
        "backbones": parts_table("`--model`", BACKBONES),
        "baselines": parts_table("`--model`, in closed form", BASELINES),
        "backbone options": options_of(BACKBONES),
        "denoiser options": options_of(DENOISERS),
        "baseline options": options_of(BASELINES),
        "source options": options_of_sources(),
        **{f"{room} exports": exports(room, registry) for room, registry in ROOMS.items()},
    }


def filled(text, made, page):
    """A page's text with blocks `{name: text}` in their places.

    Raises:
        ValueError: a block has no place in the page.
    """
    python = page.endswith(".py")
    for name, content in made.items():
        begin, end = (
            f"# {word} {name}" if python else f"<!-- {word} {name} -->" for word in ("begin", "end")
        )
        place = re.compile(rf"({re.escape(begin)}[^\n]*\n).*?([ ]*{re.escape(end)})", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"`{page}` must have a place for {name!r}. Add {begin} and {end}.")
        text = place.sub(lambda found, new=content: f"{found[1]}{new}\n{found[2]}", text)
    return text


def floors():
    """Lists of rooms, the highest floor first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    layers = next(
        each["layers"] for each in settings["importlinter"]["contracts"] if each["type"] == "layers"
    )
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def parts_table(head, registry):
    """Names and summaries of a registry."""
    rows = [[code(name), summary] for name, summary in registry.summaries().items()]
    return table([head, "what it is"], rows)


def options_of(registry):
    """Each part of a registry with a table of its options."""
    sections = []
    for name, summary in registry.summaries().items():
        cls, known = registry.load(name), registry.options(name)
        rows = [
            [
                code(option),
                code(repr(each.default)),
                each.range,
                searched(each.search),
                each.doc,
            ]
            for option, each in cls.declared.items()
            if option in known and each.default is not REQUIRED
        ]
        sections += [f"### {name}", f"`{cls.__module__}:{cls.__name__}`", summary]
        head = ["option", "default", "takes", "searched", "what it is"]
        sections.append(table(head, rows) if rows else "It has no options.")
    return "\n\n".join(sections)


def searched(search):
    """A search space in words."""
    if search is None:
        return ""
    if hasattr(search, "values"):
        return ", ".join(str(value) for value in search.values)
    return f"{search.low} to {search.high}" + (", logarithmic" if search.log else "")


def options_of_sources():
    """Each module of data sets with its options, as its docstring says them."""
    sections, seen = [], set()
    rows = (*((name.replace("*", "100k"), row) for name, row in SOURCES.items()), TABLE_FILES)
    for name, row in rows:
        module = find(name)[0]
        if row.where in seen or not getattr(module, "OPTIONS", ()):
            continue
        seen.add(row.where)
        said = {}
        for function in ("load", "load_split", row.where):
            said |= arguments_of(getattr(module, function, None))
        head = ["option", "what it is"]
        options = [[code(option), said.get(option, "")] for option in module.OPTIONS]
        sections += [f"### {row.where}", table(head, options)]
    return "\n\n".join(sections)


def arguments_of(function):
    """`{argument: sentence}` of a docstring's section `Args:`."""
    section = re.search(r"^Args:\n(.*?)(?:\n\n|\Z)", inspect.getdoc(function) or "", re.S | re.M)
    if function is None or section is None:
        return {}
    found = re.findall(r"^    ([\w, ]+): (.*?)(?=\n    \S|\Z)", section[1], re.S | re.M)
    return {
        name.strip(): " ".join(sentence.split())
        for names, sentence in found
        for name in names.split(",")
    }


def exports(room, registry):
    """Imports of a room's classes, for type checkers."""
    homes = dict(registry.homes())
    base, _, name = registry.base.partition(":")
    if base.startswith("deca_tf."):
        homes[name] = base
    lines = sorted((module, name) for name, module in homes.items())
    return "\n".join(f"    from {module} import {name} as {name}" for module, name in lines)


def code(text):
    """Text as code in a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def table(head, rows):
    """A Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
