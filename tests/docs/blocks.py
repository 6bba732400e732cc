"""Code blocks of Markdown pages."""

import dataclasses
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    "reproduction/results/README.md",
    "saved_models/README.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
)
NO_RUN = "no-run"


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: path of its page below the repository.
        line: of its first line of code, from 1.
        info: what stands behind the fence, such as "python no-run: needs a server".
        code: text.
    """

    page: str
    line: int
    info: str
    code: str

    @property
    def language(self):
        return self.info.split(" ")[0]

    @property
    def why_not_run(self):
        """The reason of a block that cannot run here; None for all others."""
        _, found, reason = self.info.partition(f" {NO_RUN}:")
        return reason.strip() if found else None


def blocks_of(page):
    """Blocks of a page, from top to bottom."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start("code")) + 1, found["info"], found["code"])
        for found in re.finditer(
            r"^```(?!`)(?P<info>.*)\n(?P<code>(?:.*\n)*?)```$", text, re.MULTILINE
        )
    ]


def command_lines(block):
    """Pairs of line number and words of the commands in a block, comments left out."""
    number, lines = block.line, block.code.split("\n")
    while lines:
        start, line = number, lines.pop(0)
        number += 1
        while line.endswith("\\") and lines:
            line, number = line[:-1] + lines.pop(0), number + 1
        found = re.search(
            r"(?:^|\| |\bexec |\bsrun .*?)((?:deca-tf|python -m|make|pip install) .*)", line
        )
        if found:
            words = shlex.split(found[1], comments=True)
            yield start, words[: words.index("||")] if "||" in words else words
