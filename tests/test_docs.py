"""The documentation names only what exists."""

import importlib
import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "paper_to_code.md").read_text(encoding="utf-8")
SYMBOLS = sorted(set(re.findall(r"`(deca_tf(?:\.\w+)+)`", PAGE)))
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_symbols_of_the_paper_exist(symbol):
    parts = symbol.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        return
    pytest.fail(f"{symbol} does not exist")


@pytest.mark.parametrize(("path", "test"), TESTS)
def test_tests_of_the_paper_exist(path, test):
    source = (ROOT / path).read_text(encoding="utf-8")
    assert not test or f"def {test}(" in source


def test_every_equation_in_a_docstring_is_on_the_page():
    cited = set()
    for file in (ROOT / "deca_tf").rglob("*.py"):
        for line in re.findall(r"Paper: (.*)", file.read_text(encoding="utf-8")):
            cited |= set(re.findall(r"Eq\. \((\d+)\)", line))
    on_page = set(re.findall(r"\((\d+)\)", PAGE))
    assert {"9", "14", "15", "16", "18"} <= cited <= on_page


@pytest.mark.parametrize(
    "page", ["README.md", *[f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]]
)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_modules_that_the_pages_run_exist():
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    modules = set(re.findall(r"^python -m ([\w.]+)", pages, re.MULTILINE))
    assert {"pipelines.run", "pipelines.generate", "reproduction"} <= modules
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_the_readme_names_real_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^deca-tf (\w+)", text, re.MULTILINE))
    assert commands
    for command in commands:
        assert (ROOT / "deca_tf" / "cli" / f"{command}.py").exists()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "scripts"
    ]
    assert scripts == {"deca-tf": "deca_tf.cli.main:main"}
