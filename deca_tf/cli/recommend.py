"""`deca-tf recommend`: asks a served model."""

import json
import pathlib
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli._folders import refuse_run
from deca_tf.cli.console import console


def recommend(
    folder: Annotated[
        pathlib.Path, typer.Argument(metavar="FOLDER", help="Folder written by `deca-tf export`.")
    ],
    user: Annotated[list[str], typer.Option(help="The user's own id; may be repeated.")],
    k: Annotated[
        int | None, typer.Option("-k", help="Items to show; at most what was exported.", min=1)
    ] = None,
    version: Annotated[
        int | None, typer.Option(help="Version to ask; default: the newest.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
):
    """Prints the best items for a user that the user has not seen, best first.

    A user that the model does not know is answered with the most popular items, and that is said.

    **Examples**

      deca-tf recommend saved_models/clicks --user anna --user ben

      deca-tf recommend saved_models/clicks --user anna -k 5 --json
    """
    refuse_run(folder)
    load_tensorflow()
    from deca_tf.serving import Recommender

    users = list(dict.fromkeys(user))
    answers = Recommender(folder, version).recommend(users, k=k)
    if as_json:
        for row in answers.to_dict("records"):
            print(json.dumps(row, ensure_ascii=False))
        return
    for user_id in users:
        rows = answers[answers["user_id"] == user_id]
        if len(rows):
            print_recommendations(user_id, rows)
        else:
            console.print(
                f"For {user_id} there is no item left that the user has not seen.", highlight=False
            )


def print_recommendations(user_id, rows):
    """Prints one user's rows of `Recommender.recommend` as a table."""
    from rich.table import Table

    known = bool(rows["known_user"].iloc[0])
    console.print(
        f"For {user_id}" + ("" if known else ", who is not known: the most popular items"),
        highlight=False,
    )
    table = Table()
    has_titles = "title" in rows
    titled = [("title", "left")] if has_titles else []
    for column, justify in (("rank", "right"), ("item", "left"), *titled, ("score", "right")):
        table.add_column(column, justify=justify)
    for row in rows.itertuples():
        called = [row.title] if has_titles else []
        table.add_row(
            str(row.rank),
            str(row.item_id),
            *called,
            f"{row.score:.4f}" if known else f"{row.score:.0f}",
        )
    console.print(table)
