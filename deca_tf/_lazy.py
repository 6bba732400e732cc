"""Rooms whose names are imported when first used, so that importing a room loads little."""

import importlib
from collections.abc import Callable
from typing import Any


def lazy(
    room: str, homes: dict[str, str], *loaded: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What makes a room lazy: a `__getattr__`, a `__dir__` and an `__all__`.

    Type checkers and editors read the same names from imports under `if TYPE_CHECKING:`. The call
    of this function stands in its `else:`, where they do not see it. A test compares the two.

    Args:
        room: `__name__` of the room.
        homes: `{name: module}`, as in `from module import name`: ".mf" is a module of the room, and
            "." makes the name itself a module of it.
        *loaded: public names that the room has already.

    Returns:
        The module's `__getattr__`, `__dir__` and `__all__`.
    """
    names = sorted((*homes, *loaded))

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        if homes[name] == ".":
            return importlib.import_module(f".{name}", room)
        return getattr(importlib.import_module(homes[name], room), name)

    return load, lambda: names, names
