"""Draws the house in words.

Rooms, floors, arrows, circles, large files, and the way of `config` through a run.

    python -m tools.house

A room is a folder or a loose module of `deca_tf/`, or a package beside it. An arrow leads from a
room to one that it imports. A room's floor is one above the highest room that it imports. Rooms
that import each other make a circle.
"""

import argparse
import ast
import itertools
import pathlib
from collections import defaultdict

import grimp
from rich.console import Console
from rich.table import Table

ROOT = pathlib.Path(__file__).parents[1]
LARGE = 350  # lines
PACKAGES = ("deca_tf", "pipelines", "reproduction")
START = ("deca_tf.runs.run", "run", "config")


def room_of(module):
    """`deca_tf.data.batches` is in `data`, `pipelines.run` in `pipelines`."""
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "deca_tf" and rest else package


def arrows_of(packages):
    """Rooms that each room imports: `{room: set of rooms}`."""
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=True)
    arrows = {room_of(module): set() for module in graph.modules if module not in packages[:1]}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = room_of(module), room_of(imported)
            if pair[0] != pair[1] and "deca_tf" not in pair:  # the root only names what is below it
                arrows[pair[0]].add(pair[1])
    return arrows


def reachable(arrows, room):
    """Every room that a room imports, directly or not."""
    seen, ahead = set(), [room]
    while ahead:
        for each in arrows[ahead.pop()] - seen:
            seen.add(each)
            ahead.append(each)
    return seen


def circles_of(arrows):
    """Sets of rooms that import each other."""
    below = {room: reachable(arrows, room) for room in arrows}
    found = {
        frozenset({*(other for other in below[room] if room in below[other])}) for room in arrows
    }
    return [circle for circle in found if circle]


def floors_of(arrows):
    """`{room: floor}`, the ground being 1; there must be no circle."""
    floors = {}

    def floor(room):
        if room not in floors:
            floors[room] = 1 + max(map(floor, arrows[room]), default=0)
        return floors[room]

    for room in arrows:
        floor(room)
    return floors


def files_of(packages):
    """`{path: lines}` of a package's Python files, relative to the checkout."""
    return {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
    }


class Walk:
    """Follows an argument into the functions that it is handed to, in the order of the code."""

    def __init__(self, package="deca_tf", root=ROOT):
        self.functions, self.methods, self.imports = {}, defaultdict(set), defaultdict(dict)
        for path in (root / package).rglob("*.py"):
            module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(
                ".__init__"
            )
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module:
                    for name in node.names:
                        self.imports[module][name.asname or name.name] = (node.module, name.name)
            for node in tree.body:
                if isinstance(node, ast.FunctionDef):
                    self.functions[module, node.name] = node
                if isinstance(node, ast.ClassDef):
                    for inner in node.body:
                        if isinstance(inner, ast.FunctionDef):
                            self.functions[module, f"{node.name}.{inner.name}"] = inner
                            self.methods[inner.name].add((module, f"{node.name}.{inner.name}"))

    def stays(self, start):
        """The modules that the argument comes into, one entry for each function.

        Each function counts once.
        """
        found, seen = [], set()
        self._enter(*start, found, seen)
        return found

    def _enter(self, module, function, argument, found, seen):
        if (module, function) in seen:
            return
        seen.add((module, function))
        found.append(module)
        calls = [
            node
            for node in ast.walk(self.functions[module, function])
            if isinstance(node, ast.Call)
        ]
        for call in sorted(calls, key=lambda node: (node.end_lineno, node.end_col_offset)):
            target = self._target(module, call.func)
            name = target and self._parameter(target, call, argument)
            if name:
                self._enter(*target, name, found, seen)

    def _target(self, module, function):
        """The function that is called, if it is ours and there is one of its name."""
        if isinstance(function, ast.Name):
            home, name = self.imports[module].get(function.id, (module, function.id))
            for found in ((home, name), (home, f"{name}.__init__")):
                if found in self.functions:
                    return found
        if isinstance(function, ast.Attribute) and len(self.methods[function.attr]) == 1:
            return next(iter(self.methods[function.attr]))
        return None

    def _parameter(self, target, call, argument):
        """What the argument is called in the function that it is handed to; None if it is not."""
        parameters = [each.arg for each in self.functions[target].args.args if each.arg != "self"]
        for given, name in zip(call.args, parameters, strict=False):
            if isinstance(given, ast.Name) and given.id == argument:
                return name
        for keyword in call.keywords:
            if isinstance(keyword.value, ast.Name) and keyword.value.id == argument:
                return keyword.arg
        return None


def climbs_of(stays, floors):
    """Rooms that an argument comes into, and how often the next one lies on a higher floor."""
    rooms = [room_of(module) for module in stays]
    rooms = [room for index, room in enumerate(rooms) if index == 0 or room != rooms[index - 1]]
    return rooms, sum(floors[b] > floors[a] for a, b in itertools.pairwise(rooms))


def main():
    """Prints all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--packages", nargs="+", default=PACKAGES, help="deca_tf first (default: %(default)s)"
    )
    parser.add_argument(
        "--start", default=":".join(START), help="module:function:argument (default: %(default)s)"
    )
    given = parser.parse_args()
    arrows, files = arrows_of(given.packages), files_of(given.packages)
    circles = circles_of(arrows)
    floors = floors_of(arrows) if not circles else dict.fromkeys(arrows, 0)
    lines, count = defaultdict(int), defaultdict(int)
    for path, length in files.items():
        room = room_of(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
        lines[room] += length
        count[room] += 1
    table = Table("floor", "room", "files", "lines", "imports")
    for room in sorted(arrows, key=lambda room: (-floors[room], room)):
        below = ", ".join(sorted(arrows[room], key=lambda each: (-floors[each], each)))
        table.add_row(str(floors[room]), room, str(count[room]), f"{lines[room]:,}", below)
    console = Console(width=120, highlight=False)
    console.print(table)
    console.print(
        f"{len(arrows)} rooms on {max(floors.values())} floors, {sum(map(len, arrows.values()))} arrows, "
        f"{len(circles)} circles; {len(files)} files, median {sorted(files.values())[len(files) // 2]} lines."
    )
    largest = sorted(files, key=files.get, reverse=True)
    over = [path for path in largest if files[path] > LARGE]
    console.print(
        f"Largest file: {largest[0]}, {files[largest[0]]} lines; {len(over)} over {LARGE}."
    )
    rooms, climbs = climbs_of(Walk().stays(given.start.split(":")), floors)
    console.print(f"`config` from {given.start}: {' > '.join(rooms)}; {climbs} climbs.")


if __name__ == "__main__":
    main()
