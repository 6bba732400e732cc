"""The house: what may lie at its root, who may import whom, and how long a file may be."""

import ast
import pathlib
import re
import tomllib

import grimp
import pytest

import deca_tf

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("deca_tf", "pipelines", "reproduction")
MOST_LINES = 350
LOOSE = {"__init__.py", "__init__.pyi", "py.typed", "config.py"}  # beside rooms and private ground
NOT_ROOMS = {"__pycache__"}


@pytest.fixture(scope="module")
def graph():
    """Who imports whom in the three packages, hints for type checkers left out."""
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def private_home(module):
    """The room that alone may import a module whose name has a private part; None: all may.

    `deca_tf.data.sources._downloads` belongs to `deca_tf.data`, and `deca_tf._files` to all.
    """
    package, *parts = module.split(".")
    if not any(map(is_private, parts)) or is_private(parts[0]):
        return None
    return f"{package}.{parts[0]}" if package == "deca_tf" else package


def test_a_private_module_belongs_to_its_room():
    assert private_home("deca_tf.data._host") == "deca_tf.data"
    assert private_home("deca_tf.serving.client._answers") == "deca_tf.serving"
    assert private_home("deca_tf._files") is None
    assert private_home("deca_tf.data.splits") is None


def test_private_modules_are_imported_by_their_own_room_alone(graph):
    trespasses = [
        f"{importer} imports {module}"
        for module in graph.modules
        if (home := private_home(module)) is not None
        for importer in graph.find_modules_that_directly_import(module)
        if not f"{importer}.".startswith(f"{home}.")
    ]
    assert trespasses == []


def test_embeddings_import_nothing_of_ours(graph):
    rooms = graph.find_descendants("deca_tf.embeddings") | {"deca_tf.embeddings"}
    found = {
        f"{module} imports {imported}"
        for module in rooms
        for imported in graph.find_modules_directly_imported_by(module)
        if not imported.startswith("deca_tf.embeddings")
    }
    assert found - {f"{room} imports deca_tf._lazy" for room in rooms} == set()


def test_neither_the_pipelines_nor_the_reproduction_is_needed_by_what_is_installed(graph):
    """The wheel holds deca_tf, and pipelines by another name.

    So those import one another by relative names.
    """
    for module in graph.modules:
        package = module.partition(".")[0]
        imported = {
            each.partition(".")[0] for each in graph.find_modules_directly_imported_by(module)
        }
        assert imported <= {"deca_tf": {"deca_tf"}, "pipelines": {"deca_tf", "pipelines"}}.get(
            package, set(PACKAGES)
        ), module
    absolute = [
        path
        for path in (ROOT / "pipelines").rglob("*.py")
        if re.search(r"^\s*(from|import) pipelines\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert absolute == []


def test_the_root_holds_rooms_and_private_ground_alone():
    for path in (ROOT / "deca_tf").iterdir():
        if path.is_dir():
            assert path.name in NOT_ROOMS or (path / "__init__.py").is_file(), path
        else:
            assert path.name in LOOSE or is_private(path.name), path


def test_no_file_is_long():
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py*")
        if path.suffix in (".py", ".pyi")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_the_version_is_cited():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited[1] == deca_tf.__version__
    assert f"## [{deca_tf.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_continuous_checks_run_every_python_that_is_promised():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    promised = [each[-4:] for each in project["classifiers"] if "Python :: 3." in each]
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", text)[1]) == promised


def imports_of(tree):
    """`(module, name)` of each absolute `from module import name` of ours, wherever it stands."""
    for node in ast.walk(tree):
        is_absolute = isinstance(node, ast.ImportFrom) and not node.level
        if is_absolute and node.module.partition(".")[0] in PACKAGES:
            yield from ((node.module, each.name) for each in node.names)


def names_of(path):
    """Names that a module binds, in its functions as well; None where it makes them when asked."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {each.asname or each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return None if "__getattr__" in names else names


def test_late_imports_find_what_they_name():
    """An import inside a function fails only when the function runs, so all are looked up here."""
    files = [
        path
        for folder in (*PACKAGES, "benchmarks", "tests", "tools")
        for path in (ROOT / folder).rglob("*.py")
    ]
    known, lost = {}, []
    for path in files:
        for module, name in imports_of(ast.parse(path.read_text("utf-8"))):
            place = ROOT / module.replace(".", "/")
            if (place / f"{name}.py").is_file() or (place / name / "__init__.py").is_file():
                continue
            if module not in known:
                file = place.with_suffix(".py")
                file = file if file.is_file() else place / "__init__.py"
                known[module] = names_of(file) if file.is_file() else set()
            if known[module] is not None and name not in known[module]:
                lost.append(f"{path.relative_to(ROOT)}: from {module} import {name}")
    assert lost == []
