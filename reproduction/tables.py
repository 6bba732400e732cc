"""Tables: rows of text, printed or written as Markdown, and how figures are put into fields."""

import dataclasses
import statistics

MISSING = "-"
BELOW, ABOVE = "▼", "▲"
BETTER_THAN_NORMAL, BETTER_THAN_BASELINES = "*", "†"


@dataclasses.dataclass
class Table:
    """A table. A field may have several lines.

    Args:
        head: names of the columns.
        rows: lists of text, as long as `head`.
        title: printed above it; in a document the section says it.
        folded: in a document, hidden behind the title until it is clicked.
    """

    head: list
    rows: list
    title: str = ""
    folded: bool = False

    def markdown(self):
        """As Markdown; the lines of a field are parted by `<br>`."""
        rule = ["---"] * len(self.head)
        lines = [
            "| " + " | ".join(map(_escaped, row)) + " |" for row in (self.head, rule, *self.rows)
        ]
        text = "\n".join(lines)
        return (
            f"<details><summary>{self.title}</summary>\n\n{text}\n\n</details>"
            if self.folded
            else text
        )

    def rich(self):
        """For the console."""
        from rich import table, text

        drawn = table.Table(
            title=text.Text(self.title) if self.title else None, title_justify="left"
        )
        for position, name in enumerate(self.head):
            drawn.add_column(text.Text(name), justify="left" if position < 2 else "right")
        for row, following in zip(self.rows, [*self.rows[1:], None], strict=True):
            is_last = following is None or following[0] != row[0]
            drawn.add_row(
                *(text.Text(str(field)) for field in row),
                end_section=is_last and len(self.head) > 2,
            )
        return drawn


@dataclasses.dataclass
class Figure:
    """A drawing that lies beside the document.

    Args:
        path: of the PNG file.
        caption: what it shows, one line.
    """

    path: object
    caption: str

    def markdown(self):
        """As Markdown, by its name alone: the document lies in the same folder."""
        return f"![{self.caption}]({self.path.name})"


def spread(values):
    """Mean and standard deviation over seeds, `0.1053 ± 0.0093`; `-` where there is none."""
    if not values:
        return MISSING
    mean = f"{statistics.fmean(values):.4f}"
    return f"{mean} ± {statistics.stdev(values):.4f}" if len(values) > 1 else mean


def published_text(figure):
    """What the paper prints, `0.109 ± 0.007`, or its mean alone where it has no more."""
    mean, std = figure
    return f"{mean:.3f} ± {std:.3f}" if std is not None else f"{mean:.4f}".removesuffix("0")


def allowed(figure):
    """How far our mean may be below the paper's to count as reproduced.

    Two of its standard deviations, or 6 %.
    """
    mean, std = figure
    return max(2 * (std or 0.0), 0.06 * mean)


def mark(ours, figure):
    """`▼` or `▲` where our mean is farther than `allowed` from the paper's, else nothing."""
    apart = ours - figure[0]
    if (
        abs(apart) <= allowed(figure) + 1e-9
    ):  # the bound itself is within, whatever the last binary digit says
        return ""
    return BELOW if apart < 0 else ABOVE


def beside_paper(values, figure, stars=""):
    """A field with our mean and standard deviation, marks, and the paper's figure below them.

    Args:
        values: ours, one for each seed; may be empty.
        figure: the paper's `(mean, std or None)`, or None.
        stars: marks of significance.
    """
    ours = spread(values)
    if figure is None:
        return _joined(ours, stars)
    if not values:
        return f"{ours}\n{published_text(figure)}"
    return (
        f"{_joined(ours, stars, mark(statistics.fmean(values), figure))}\n{published_text(figure)}"
    )


def num_runs(finished, wanted):
    """How many seeds stand behind a row: `3`, or `2 of 3` where some are missing."""
    return str(wanted) if finished == wanted else f"{finished} of {wanted}"


def _joined(*parts):
    return " ".join(part for part in parts if part)


def _escaped(field):
    return str(field).replace("|", "\\|").replace("\n", "<br>")
