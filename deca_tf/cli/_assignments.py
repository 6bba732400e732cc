"""`--set TABLE.KEY=VALUE` as nested tables."""

import tomllib
from typing import Any


def parse_assignment(text: str) -> dict[str, Any]:
    """Turns `table.key=value` of `--set` into nested tables.

    The value is read as TOML where it is valid TOML (numbers, true, lists), else as a string. True
    and False are taken as Python writes them, too: as strings, both would be true.

    Example:
        >>> parse_assignment("denoiser.c1=100")
        {'denoiser': {'c1': 100}}

    Raises:
        ValueError: no `=`, or no key.

    Stability: provisional.
    """
    key, equals, value = text.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or not all(path):
        raise ValueError(
            f"`--set` takes table.key=value, such as denoiser.c1=100. Received: {text!r}."
        )
    try:
        parsed = tomllib.loads(f"value = {value.lower() if value in ('True', 'False') else value}")[
            "value"
        ]
    except tomllib.TOMLDecodeError:
        parsed = value
    for part in reversed(path):
        parsed = {part: parsed}
    return parsed
