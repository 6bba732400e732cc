"""The document that tables and figures are put into: Markdown with marked places."""

import pathlib
import re

from deca_tf._files import write_atomically


def fill_in(path, blocks):
    """Replaces blocks of a Markdown file.

    A block stands between `<!-- begin NAME -->` and `<!-- end NAME -->`.

    Args:
        path: of the file.
        blocks: `{name: parts}`, each part a text or something with `.markdown()`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a block has no place in the file.
    """
    text = check_places(path, blocks)
    for name, parts in blocks.items():
        content = markdown(parts)
        text = _place(name).sub(
            lambda match, content=content: f"{match[1]}{content}\n{match[2]}", text
        )
    write_atomically(pathlib.Path(path), text)


def markdown(parts):
    """Parts one below the other."""
    return "\n\n".join(part if isinstance(part, str) else part.markdown() for part in parts)


def check_places(path, names):
    """The text of a Markdown file, refused if a block has no place in it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a block has no place in the file.
    """
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(
            f"`document` must be an existing Markdown file. Received: {str(path)!r}."
        )
    text = pathlib.Path(path).read_text(encoding="utf-8")
    absent = [name for name in names if not _place(name).search(text)]
    if absent:
        raise ValueError(
            f"`{path}` must have a place for {', '.join(map(repr, absent))}. Add <!-- begin "
            f"{absent[0]} --> and "
            f"<!-- end {absent[0]} -->, each on a line of its own."
        )
    return text


def _place(name):
    return re.compile(
        rf"(<!-- begin {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL
    )
