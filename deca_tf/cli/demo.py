"""`deca-tf demo`: the main job in one command, on clicks whose truth is known."""

import pathlib
import shutil
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli.console import console

METHODS = {"none": "trained normally", "deca": "denoised (DeCA)"}


def demo(
    out: Annotated[
        pathlib.Path, typer.Option(help="Folder of the two runs; their earlier contents go.")
    ] = pathlib.Path("runs/demo"),
    to: Annotated[pathlib.Path, typer.Option(help="Folder of the served model.")] = pathlib.Path(
        "saved_models/demo"
    ),
    seed: Annotated[int, typer.Option(help="Of the data, the weights and the batches.", min=0)] = 0,
):
    """Trains one recommender normally and one with DeCA on noisy clicks.

    Compares them, and serves the denoised one.

    The clicks are synthetic: who likes what is drawn first, then what was shown to whom (mostly
    popular items), then the clicks, three in ten of them on items that the user does not like. So
    the truth about each click is known, and nothing is downloaded. It takes about a minute.

    **Example**

      deca-tf demo
    """
    load_tensorflow()
    from deca_tf.cli.recommend import print_recommendations
    from deca_tf.config import resolve
    from deca_tf.reporting import interaction_report, separation_auc
    from deca_tf.runs.data import read_split
    from deca_tf.runs.load import load_run
    from deca_tf.runs.run import run
    from deca_tf.serving import Recommender, export

    results = {}
    split = None
    for method, title in METHODS.items():
        folder = out / method
        if (folder / "config.toml").is_file():
            shutil.rmtree(folder)
        config = resolve(
            overrides={"data": {"dataset": "synthetic"}, "denoiser": {"name": method}, "seed": seed}
        )
        if split is None:
            split = read_split(config)
            _describe(split, config)
        run(config, folder, split=split)
        metrics, model, _ = load_run(folder, split=split)
        report = interaction_report(model, split.train)
        auc = separation_auc(report["probability"], report["is_noisy"])
        results[title] = (metrics["test"]["recall@20"], metrics["test"]["ndcg@20"], auc)
    _print_comparison(results, split)
    console.print("\nThe denoised model as a SavedModel, loaded back and asked for one user:")
    version = export(
        model, split, to, k=10, manifest={"dataset": "synthetic", "test": metrics["test"]}
    )
    user = split.train.raw_user_ids[split.test.user_id[0]]
    print_recommendations(user, Recommender(to).recommend([user]))
    console.print(
        f"Published {version}.\n\nNext\n"
        "  MovieLens-100k:  deca-tf train ml-100k --model gmf\n"
        "  your own clicks: deca-tf train clicks.csv\n"
        "  then:            deca-tf export runs/clicks --to saved_models/clicks\n"
        "                   deca-tf recommend saved_models/clicks --user ID",
        highlight=False,
        soft_wrap=True,
    )


def _describe(split, config):
    train = split.train
    console.print(
        f"{len(train):,} clicks of {split.num_users:,} users on {split.num_items:,} items, "
        f"{train.is_noisy.mean():.0%} "
        f"of them noise. The test holds {len(split.test):,} later clicks, only real ones. "
        f"{split.leaks}\n"
        f"Model: {config.backbone.name}, the same for both.",
        highlight=False,
        soft_wrap=True,
    )


def _print_comparison(results, split):
    """The table, and one sentence that says who won by it."""
    from rich.table import Table

    from deca_tf.baselines import Popularity
    from deca_tf.evaluation import evaluate
    from deca_tf.reporting import separation_auc

    popularity = Popularity(split.train)
    evaluation = evaluate(popularity, split).metrics
    counts = popularity.counts[split.train.item_id]
    rows = {
        "most popular": (
            evaluation["recall@20"],
            evaluation["ndcg@20"],
            separation_auc(counts, split.train.is_noisy),
        ),
        **results,
    }
    table = Table(title="On the clean test", title_justify="left")
    for column in ("", "recall@20", "ndcg@20", "clean against noisy clicks, ROC AUC"):
        table.add_column(column, justify="left" if not column else "right")
    for name, figures in rows.items():
        table.add_row(name, *(f"{figure:.4f}" for figure in figures))
    console.print(table)
    normal, denoised = (results[title][0] for title in METHODS.values())
    if denoised > normal:
        console.print(
            f"DeCA finds {denoised / normal - 1:+.1%} of recall@20 over normal training here.",
            highlight=False,
        )
    else:
        console.print(
            f"DeCA does not win here: recall@20 is {denoised:.4f}, and {normal:.4f} when trained "
            "normally. Where it "
            "does, and where it does not, is in docs/results.md.",
            highlight=False,
            soft_wrap=True,
        )
