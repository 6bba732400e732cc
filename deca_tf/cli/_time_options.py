"""Options of `train` about time: cuts of the timeline, clicks that age, trends."""

from typing import Annotated

import typer

from deca_tf.cli._options import DATA

TIME = "Time"


def _number_or_auto(text):
    """A number where it is one; settings refuse what is neither that nor 'auto'."""
    try:
        return float(text)
    except ValueError:
        return text


Cuts = Annotated[
    int | None,
    typer.Option(
        help="Under timeline, so many test windows at the end of the log, each with a model of its "
        "own; the last one's is kept. Default: 1.",
        min=1,
        rich_help_panel=DATA,
    ),
]
ClickHalfLife = Annotated[
    float | None,
    typer.Option(
        help="Days after which a click counts half in the loss. Default: it does not age.",
        rich_help_panel=TIME,
    ),
]
TrendHalfLife = Annotated[
    str | None,
    typer.Option(
        help="Days after which a click counts half in the trend, which is added to each item's "
        "score, or auto: by validation. Default: no trend.",
        parser=_number_or_auto,
        metavar="DAYS",
        rich_help_panel=TIME,
    ),
]
TrendWeight = Annotated[
    str | None,
    typer.Option(
        help="How much of the trend is added, or auto: by validation. Default: auto with "
        "--trend-half-life, else none.",
        parser=_number_or_auto,
        metavar="NUMBER",
        rich_help_panel=TIME,
    ),
]
