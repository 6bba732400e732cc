"""The style of what is read: Markdown pages and the text of notebooks (`python -m tools.prose`).

One sentence a line, so that a change of a sentence is a change of a line. At most 25 words to a
sentence. The field's words instead of household words. Code, tables, headings and generated blocks
are passed over; only household words are looked for in tables and headings too.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
MOST_WORDS = 25

HOUSEHOLD_WORDS = {  # what is refused, as a regular expression: what the field says
    r"judg(?:e|es|ed|ing|ment|ement)": "evaluate",
    r"relabel\w*": "reindex (ids), or soft label (labels)",
    r"look(?:s|ed|ing)? back": "reweight by the losses of the last epoch",
    r"comparators?": "baseline",
    r"opponents?": "baseline",
    r"foretells?": "predict",
    r"(?:is|are|was|were|be) moved": "update",
    r"the pull of|'s pull": "gradient",
    r"laid out in groups": "batch layout",
    r"counts? places": "count ranks",
    r"unlearn(?:s|ed|ing)?": "overfit, or lose",
    r"tells? (?:\w+ )?apart": "separate",
}

_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|Eq|al|vs|cf|Fig|No|resp|approx)|\b[A-Z])\.$")
_SENTENCE_END = re.compile(r"[.!?][\"')*_`]*\s+(?=[\"'(*_`\[]*[A-Z0-9`])")
_LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+(?:\[[ x]\]\s+)?")
_PASSED_OVER = re.compile(r"^\s*(?:<|!\[[^\]]*\]\([^)]*\)\s*$|\[[^\]]+\]:\s|---+\s*$)")


def main():
    """Prints what breaks the rules, and ends with status 1 if anything does."""
    paths = sorted(_tracked("*.md", "*.ipynb"))
    complaints = [complaint for path in paths for complaint in check_file(path)]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    print(f"Prose: {len(paths)} files, {len(complaints)} complaints.")
    return int(bool(complaints))


def check_file(path):
    """Complaints about one file, each `path:line: what is wrong`; of notebooks `path:cell:line`."""
    path = pathlib.Path(path)
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [f"{name}:{line}: {what}" for line, what in check(text)]
    cells = json.loads(text)["cells"]
    return [
        f"{name}:cell {number}:{line}: {what}"
        for number, cell in enumerate(cells, start=1)
        if cell["cell_type"] == "markdown"
        for line, what in check("".join(cell["source"]))
    ]


def check(text):
    """Complaints about a Markdown text: pairs of a line's number, from 1, and what is wrong."""
    complaints, before = [], ""
    for number, kind, line in _lines(text):
        if kind != "code":
            complaints += [(number, what) for what in _household_words(line)]
        if kind != "prose":
            before = ""
            continue
        goes_on = not _LIST_ITEM.match(line) and not line.lstrip().startswith(">")
        if before and goes_on and not re.search(r"[.!?:][\"')*_`]*$", before):
            complaints.append(
                (number - 1, f"the sentence continues on the next line: {before[-40:]}")
            )
        sentences = _sentences(_plain(line))
        if len(sentences) > 1:
            complaints.append((number, f"{len(sentences)} sentences on a line: {_start(line)}"))
        for sentence in sentences:
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if len(words) > MOST_WORDS:
                what = f"{len(words)} words (at most {MOST_WORDS}): {_start(sentence)}"
                complaints.append((number, what))
        before = line.rstrip()
    return sorted(complaints)


def _lines(text):
    """Triples of number, kind and line; kinds are code, other (headings, tables) and prose."""
    fence, generated, front_matter = "", False, text.startswith("---\n")
    for number, line in enumerate(text.split("\n"), start=1):
        opening = re.match(r"\s*(`{3,}|~{3,})", line)
        if front_matter:
            front_matter = number == 1 or line.strip() != "---"
            kind = "code"
        elif fence:
            fence = "" if opening and line.strip() == fence else fence
            kind = "code"
        elif opening:
            fence, kind = opening[1], "code"
        elif generated or re.match(r"\s*<!-- begin ", line):
            generated, kind = not re.match(r"\s*<!-- end ", line), "code"
        elif not line.strip() or _PASSED_OVER.match(line):
            kind = "code"
        elif re.match(r"\s*(#|\|)", line):
            kind = "other"
        else:
            kind = "prose"
        yield number, kind, line


def _plain(line):
    """A line without its list marker, code as one word and links as their text."""
    line = _LIST_ITEM.sub("", line).lstrip("> ")
    line = re.sub(r"`[^`]*`", lambda code: "`" + re.sub(r"\W", "", code[0])[:20] + "x`", line)
    line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line)
    return re.sub(r"<[^>]+>", "", line)


def _sentences(text):
    found, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[start : end.start() + 1]):
            found.append(text[start : end.end()].strip())
            start = end.end()
    return [*found, text[start:].strip()]


def _household_words(line):
    line = re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)
    for word, instead in HOUSEHOLD_WORDS.items():
        for found in re.finditer(rf"(?<![\w-])(?:{word})(?!\w)", line, re.IGNORECASE):
            yield f"{found[0]!r} is a household word; the field's: {instead}"


def _start(sentence):
    return sentence.strip()[:60]


def _tracked(*patterns):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.exists()]


if __name__ == "__main__":
    sys.exit(main())
