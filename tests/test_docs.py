"""The documentation names only what exists."""

import importlib
import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "paper_to_code.md").read_text(encoding="utf-8")
SYMBOLS = sorted(set(re.findall(r"`(deca_tf(?:\.\w+)+)`", PAGE)))
PAGES = [
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "reproduction/results/README.md")
    for path in sorted(ROOT.glob(pattern))
]
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


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors_of(linked), f"{page}: {target}"


def anchors_of(page):
    """Anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_listed_by_its_title_and_says_what_it_must():
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    pages = [path for path in (ROOT / "docs/decisions").glob("*.md") if path.name != "README.md"]
    rows = re.findall(r"^\| (\d{4}) \| \[(.*)\]\((.*)\) \|$", index, re.MULTILINE)
    assert sorted(row[2] for row in rows) == sorted(path.name for path in pages)
    for number, title, name in rows:
        text = (ROOT / "docs/decisions" / name).read_text(encoding="utf-8")
        assert name.startswith(f"{number}-") and text.startswith(f"# {title}\n")
        headings = re.findall(r"^\*\*(.*)\*\*$", text, re.MULTILINE)
        assert headings == ["Decision.", "Why.", "Price.", "Measured by."], name


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_repository_that_a_page_names_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:deca_tf|tests|benchmarks|pipelines|reproduction|tools|notebooks)/[\w./-]+)`", text
    )
    for path in named:
        assert (ROOT / path).exists(), f"{page}: {path}"


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
