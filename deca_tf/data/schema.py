"""The one spelling of every column and split name, and the hint for those who spell one differently."""

import difflib

USER_ID = "user_id"
ITEM_ID = "item_id"
LABEL = "label"  # 1 observed, 0 sampled

RATING = "rating"  # stars; builds the clean test, never seen in training
DWELL = "dwell"  # seconds; the same
TIMESTAMP = "timestamp"  # seconds since 1970; orders chronological splits
IS_NOISY = "is_noisy"  # ground truth, where a data set has it; never seen in training

OPTIONAL_COLUMNS = (RATING, DWELL, TIMESTAMP, IS_NOISY)

CLEAN = "clean"  # no pair in two splits
PAPER = "paper"  # the released code's splits, leaks included
PROTOCOLS = (CLEAN, PAPER)


def did_you_mean(received, known):
    """The tail of an error message, " Did you mean 'x'?", or "" when nothing known is near."""
    near = difflib.get_close_matches(str(received), [str(name) for name in known], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def check_choice(argument, received, known):
    """Refuses a value that is not one of the known names.

    Raises:
        ValueError: naming the argument, the choices, what came and the nearest choice.
    """
    if received not in known:
        choices = ", ".join(repr(name) for name in known)
        raise ValueError(
            f"`{argument}` must be one of {choices}. Received: {argument}={received!r}.{did_you_mean(received, known)}"
        )
