"""A log of any size: `deca-tf pipeline generate`, or `python -m pipelines.generate`."""

import pathlib
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import typer
from rich.console import Console

from deca_tf._files import UNFINISHED

ENDINGS = (".csv", ".tsv", ".parquet")
TASTES = 50  # groups of users who like the same
NOISE = 0.3  # share of clicks that follow popularity, not taste
FIRST_SECOND, NUM_DAYS = 1_700_000_000, 90
GROUP_ROWS = 1 << 18  # of Parquet

console = Console()


def clicks(rows, users, items, seed=0):
    """Draws clicks, a table.

    Its columns are `user_id`, `item_id` (strings), `timestamp` (seconds) and `is_noisy` (0 or 1).

    Activity is log-normal, popularity falls with the square root of the rank. A user belongs to one
    of `TASTES`, each of which ranks the items its own way; a click is by taste, or, with
    probability `NOISE`, by popularity, and noisy. Repeated pairs occur as they do in logs. Rows are
    in order of time, uniform over `NUM_DAYS`.

    Args:
        rows: how many.
        users, items: how many there may be; those of few clicks may have none.
        seed: integer; same seed, same log.
    """
    random = np.random.default_rng(seed)
    activity = np.cumsum(np.exp(random.standard_normal(users)))
    user = np.searchsorted(activity, random.random(rows) * activity[-1], side="right")
    weight = np.cumsum((1.0 + np.arange(items)) ** -0.5)
    place = np.searchsorted(weight, random.random(rows) * weight[-1], side="right")
    orders = np.stack([random.permutation(items) for _ in range(TASTES + 1)]).astype(np.int32)
    taste = random.integers(0, TASTES, users)
    is_noisy = random.random(rows) < NOISE
    item = orders[np.where(is_noisy, TASTES, taste[user]), place]
    time = FIRST_SECOND + np.sort(random.integers(0, NUM_DAYS * 86_400, rows))
    return pa.table(
        {
            "user_id": _names("user", users).take(pa.array(user)),
            "item_id": _names("item", items).take(pa.array(item)),
            "timestamp": pa.array(time, pa.int64()),
            "is_noisy": pa.array(is_noisy).cast(pa.int8()),
        }
    )


def check_ending(path):
    """Refuses a file whose name does not tell its kind.

    Raises:
        ValueError: it has none of `ENDINGS`.
    """
    if path.suffix not in ENDINGS:
        raise ValueError(f"`--out` must end in {', '.join(ENDINGS)}. Received: --out {path}.")


def write(table, path):
    """Writes a table as CSV, TSV or Parquet, as its name tells, whole or not at all.

    Raises:
        ValueError: the name tells none.
    """
    check_ending(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{UNFINISHED}{path.name}")
    if path.suffix == ".parquet":
        pa.parquet.write_table(table, beside, row_group_size=GROUP_ROWS)
    else:
        delimiter = "," if path.suffix == ".csv" else "\t"
        pa.csv.write_csv(
            table, beside, pa.csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
        )
    beside.replace(path)


def _names(prefix, size):
    return pa.array([f"{prefix}_{number:07d}" for number in range(size)])


def command(
    out: Annotated[
        pathlib.Path, typer.Option(help="File to write, ending in .csv, .tsv or .parquet.")
    ],
    rows: Annotated[int, typer.Option(min=1, help="Clicks.")] = 2_000_000,
    users: Annotated[
        int | None, typer.Option(min=2, help="Users. Default: one for 20 clicks.")
    ] = None,
    items: Annotated[
        int | None, typer.Option(min=2, help="Items. Default: one for 200 clicks.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same log.")] = 0,
):
    """Writes a log of random clicks with tastes, popularity, repeated pairs and known noise.

    **Example**

      deca-tf pipeline generate --rows 2000000 --out log.csv
    """
    try:
        if out.exists():
            raise FileExistsError(
                f"`--out` must be a new file. Received: --out {out}, which exists. Name another, or "
                "delete it."
            )
        check_ending(out)
        write(clicks(rows, users or max(2, rows // 20), items or max(2, rows // 200), seed), out)
    except (ValueError, OSError) as error:
        Console(stderr=True).print(f"Error: {error}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    console.print(f"Wrote {rows:,} clicks to {out}.", highlight=False)


app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
app.command(context_settings={"help_option_names": ["-h", "--help"]})(command)

if __name__ == "__main__":
    app()
