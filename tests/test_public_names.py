"""Every public name is there at run time, for editors and for type checkers: the same ones."""

import ast
import importlib
import os
import pathlib
import subprocess
import sys

import pytest

import deca_tf

LIBRARY = pathlib.Path(deca_tf.__file__).parent
LAZY_ROOMS = sorted(
    path.parent.relative_to(LIBRARY.parent).as_posix().replace("/", ".")
    for path in LIBRARY.glob("*/**/__init__.py")
    if "lazy(" in path.read_text(encoding="utf-8")
)


def imports(statements):
    """`{name: module}` of `from module import name` and `from room import module`."""
    return {
        alias.name: statement.module
        for statement in statements
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


def hinted(room):
    """What a room imports under `if TYPE_CHECKING:`."""
    path = LIBRARY.parent / room.replace(".", "/") / "__init__.py"
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            return imports(statement.body)
    return {}


def test_the_stub_of_the_root_holds_the_names_of_the_run_time():
    tree = ast.parse((LIBRARY / "__init__.pyi").read_text(encoding="utf-8"))
    declared = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    assert {*imports(tree.body), *declared} == set(deca_tf.__all__) == set(dir(deca_tf))


def test_the_stub_of_the_root_names_where_each_name_comes_from():
    tree = ast.parse((LIBRARY / "__init__.pyi").read_text(encoding="utf-8"))
    for name, module in imports(tree.body).items():
        found = getattr(deca_tf, name)
        if module == "deca_tf":
            assert found is importlib.import_module(f"deca_tf.{name}")
        else:
            assert found is getattr(importlib.import_module(module), name), name


@pytest.mark.parametrize("room", LAZY_ROOMS)
def test_a_lazy_room_gives_type_checkers_the_names_of_the_run_time(room):
    module = importlib.import_module(room)
    names = hinted(room)
    assert names
    assert set(names) <= set(module.__all__) == set(dir(module))
    for name in set(module.__all__) - set(names):
        assert name in vars(module), name
    for name, home in names.items():
        found = getattr(module, name)
        if home == room:
            assert found is importlib.import_module(f"{room}.{name}")
        else:
            assert found is getattr(importlib.import_module(home), name), name


def test_a_name_that_a_room_does_not_have_is_refused_by_name():
    with pytest.raises(AttributeError, match=r"module 'deca_tf.backbones' has no attribute 'mf_'"):
        _ = importlib.import_module("deca_tf.backbones").mf_


def test_looking_at_all_rooms_of_the_root_loads_no_tensorflow_until_one_is_used():
    looked = (
        "import sys, deca_tf; dir(deca_tf); deca_tf.config; deca_tf.data.Split; "
        "assert 'tensorflow' not in sys.modules; deca_tf.evaluate; assert 'tensorflow' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", looked], check=True, timeout=120)


# Of somebody else's project: the types of other packages, half of mypy's work, are not looked at.
CONFIG = """
[mypy]
ignore_missing_imports = True

[mypy-numpy.*,pandas.*,pydantic.*,rich.*,scipy.*,typer.*]
follow_imports = skip
"""


def checked(tmp_path, code):
    """What mypy says of somebody else's file, in its strict mode."""
    file, config = tmp_path / "consumer.py", tmp_path / "mypy.ini"
    file.write_text(code, encoding="utf-8")
    config.write_text(CONFIG, encoding="utf-8")
    command = (sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent")
    answer = subprocess.run(
        [*command, "--config-file", str(config), "--cache-dir", str(tmp_path), str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, "MYPYPATH": str(LIBRARY.parent)},
        timeout=300,
    )
    return answer.stdout


def test_the_block_of_the_readme_is_well_typed_and_a_wrong_name_is_not(tmp_path):
    assert (LIBRARY / "py.typed").is_file()
    readme = (LIBRARY.parent / "README.md").read_text(encoding="utf-8")
    block = readme.partition("```python\n")[2].partition("```")[0]
    assert "import deca_tf" in block
    wrong = "split.num_userz\ndeca_tf.run('clicks.toml', 'runs/clicks')\ndeca_tf.backbones.MFF\n"
    first = block.count("\n") + 1
    said = checked(tmp_path, block + wrong)
    complaints = [line for line in said.splitlines() if "error:" in line]
    assert [int(line.split(":")[1]) for line in complaints] == [first, first + 1, first + 2], said
    assert "num_userz" in complaints[0] and "MFF" in complaints[2]
