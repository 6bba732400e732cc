"""Checks of what users pass in.

Each error says what is required, what was received, and the nearest valid choice.
"""

import difflib
import math
import numbers


def did_you_mean(received, known):
    """The tail of an error message, " Did you mean 'x'?", or "" when nothing known is near."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(received), names, n=1)
    near = near or [name for name in names if str(received) in name.split("_")]
    return f" Did you mean {near[0]!r}?" if near else ""


def check_choice(argument, received, known):
    """Refuses a value that is not one of the known ones.

    Returns:
        The value.

    Raises:
        ValueError: naming the argument, the choices, what came and the nearest choice.
    """
    if received not in known:
        choices = ", ".join(repr(name) for name in known)
        raise ValueError(
            f"`{argument}` must be one of {choices}. Received: "
            f"{argument}={received!r}.{did_you_mean(received, known)}"
        )
    return received


def check_range(argument, received, low, high=float("inf")):
    """Refuses what is not a finite number in `[low, high]`.

    Returns:
        The value as a float.

    Raises:
        ValueError: naming the argument, the range and what came.
    """
    number = isinstance(received, numbers.Real) and not isinstance(received, bool)
    if not number or not math.isfinite(received) or not low <= received <= high:
        bounds = f"in [{low}, {high}]" if high != float("inf") else f"of at least {low}"
        raise ValueError(
            f"`{argument}` must be a finite number {bounds}. Received: {argument}={received!r}."
        )
    return float(received)


def check_integer(argument, received, low=1):
    """Refuses what is not a whole number of at least `low`.

    Returns:
        The value as an int.

    Raises:
        ValueError: naming the argument, the bound and what came.
    """
    try:
        whole = not isinstance(received, bool) and int(received) == received and received >= low
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise ValueError(
            f"`{argument}` must be an integer of at least {low}. Received: {argument}={received!r}."
        )
    return int(received)


def check_flag(argument, received):
    """Refuses what is neither true nor false: the text "false" would count as true.

    Returns:
        The value as a bool.

    Raises:
        TypeError: naming the argument and what came.
    """
    if isinstance(received, str) or received not in (0, 1):
        raise TypeError(f"`{argument}` must be true or false. Received: {argument}={received!r}.")
    return bool(received)
