"""`deca-tf export`: publishes a run's model as a SavedModel."""

import json
import pathlib
import shlex
from typing import Annotated

import typer

from deca_tf._tensorflow import load_tensorflow
from deca_tf.cli.console import console
from deca_tf.serving.gate import MARGIN

GATE, SIZE = "Whether it is published", "Size and speed"


def export(
    run: Annotated[
        pathlib.Path, typer.Argument(metavar="DIR", help="Folder of a finished `deca-tf train`.")
    ],
    to: Annotated[
        pathlib.Path, typer.Option(help="Folder of the served model, such as saved_models/clicks.")
    ],
    k: Annotated[
        str,
        typer.Option(
            "-k", "--k", help="Items per answer. 10,100 makes `recommend_10` and `recommend_100`."
        ),
    ] = "10",
    titles: Annotated[
        pathlib.Path | None,
        typer.Option(help="Table (.csv, .tsv, .parquet) with item ids and what to call them."),
    ] = None,
    index: Annotated[
        str,
        typer.Option(
            help="brute-force, streaming (items a part at a time) or scann (approximate; custom server).",
            rich_help_panel=SIZE,
        ),
    ] = "brute-force",
    dtype: Annotated[
        str,
        typer.Option(
            help="Of item vectors under streaming: float32, float16 or int8.", rich_help_panel=SIZE
        ),
    ] = "float32",
    retrieval: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Run of a factorized model of the same data: it finds candidates, this one (NeuMF) ranks them.",
            rich_help_panel=SIZE,
        ),
    ] = None,
    candidates: Annotated[
        int, typer.Option(help="How many it finds.", min=1, rich_help_panel=SIZE)
    ] = 500,
    weights_per_item: Annotated[
        int | None,
        typer.Option(
            help="Of models with weights from items to items (ease, item-knn): how many of an item's "
            "strongest are shipped. Default: so few that recall@20 on the validation changes by less "
            "than .001.",
            min=1,
            rich_help_panel=SIZE,
        ),
    ] = None,
    warmup: Annotated[
        str,
        typer.Option(
            help="Batch sizes that a server rehearses before it takes the version. Empty: none."
        ),
    ] = "1,32",
    keep: Annotated[
        int, typer.Option(help="How many versions stay; older ones are removed.", min=1)
    ] = 5,
    margin: Annotated[
        float,
        typer.Option(
            help="Share of the published version's recall@20 on the clean validation that may be lost.",
            min=0.0,
            max=1.0,
            rich_help_panel=GATE,
        ),
    ] = MARGIN,
    clean_rule: Annotated[
        str | None,
        typer.Option(
            help="Which rows of the validation are clean, such as 'rating >= 5'. Default: what the data can tell.",
            rich_help_panel=GATE,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Publish it, however it compares.", rich_help_panel=GATE)
    ] = False,
    data_dir: Annotated[
        str | None,
        typer.Option(
            help="Folder of the public data sets, or of the run's table, if it has moved."
        ),
    ] = None,
):
    """Writes the next version of a served model: raw ids in, ranked raw ids and scores out.

    Only the denoised model is shipped, with what each user has seen, which is never recommended. It
    is refused if it is worse than the version that is published. Any TensorFlow Serving can load
    the folder: `deca-tf deploy write` makes what starts one, `deca-tf serve` is one for your
    laptop, `deca-tf recommend` asks it here.

    **Example**

      deca-tf export runs/clicks --to saved_models/clicks --k 10,100 --titles items.csv
    """
    load_tensorflow()
    from deca_tf.data.titles import read_titles
    from deca_tf.runs.evaluate import clean_validation
    from deca_tf.runs.load import load_run
    from deca_tf.serving import export as publish
    from deca_tf.serving.gate import compare
    from deca_tf.serving.versions import MANIFEST, remove_old

    ks, batch_sizes = _integers("--k", k), _integers("--warmup", warmup)
    names = None if titles is None else read_titles(titles)
    stored, model, split = load_run(run, data_dir=data_dir)
    finder = None if retrieval is None else load_run(retrieval, data_dir=data_dir)[1]
    validation = clean_validation(model, split, clean_rule, stored)
    comparison = compare(to, validation, margin=margin)
    console.print(comparison.text, highlight=False, soft_wrap=True)
    if not comparison.passed and not force:
        console.print(
            "Not published. Look at what changed in data or settings, or publish it by --force."
        )
        raise typer.Exit(1)
    about = {
        key: stored[key]
        for key in ("dataset", "backbone", "denoiser", "protocol", "seed", "config", "test")
    }
    version = publish(
        model,
        split,
        to,
        k=ks,
        index=index,
        dtype=dtype,
        retrieval=finder,
        candidates=candidates,
        weights_per_item=weights_per_item,
        titles=names,
        warmup_batch_sizes=batch_sizes,
        manifest={
            **about,
            "run": str(run),
            "data": (split.refit_of or split).fingerprint,
            "validation": validation,
        },
    )
    _print_item_weights(version / MANIFEST)
    removed = remove_old(to, keep)
    if removed:
        console.print(f"Removed old versions: {', '.join(map(str, removed))}.", highlight=False)
    first = split.train.raw_user_ids[split.train.user_id[0]]
    ask = shlex.join(["deca-tf", "recommend", str(to), "--user", str(first)])
    console.print(f"Published {version}. Ask it: {ask}", highlight=False, soft_wrap=True)


def _print_item_weights(manifest):
    """Says what a matrix from items to items takes, and what its weights that are left out lose."""
    facts = json.loads(manifest.read_text(encoding="utf-8")).get("item_weights")
    if facts is None:
        return
    kept = f"{facts['weights_per_item']:,} weights an item, {facts['bytes'] / 1e6:,.1f} MB"
    if facts["recall@20"] is not None:
        kept += (
            f"; recall@20 on the validation {facts['recall@20']:.4f}, with all weights "
            f"{facts['recall@20 exact']:.4f}"
        )
    console.print(f"Shipped: {kept}.", highlight=False, soft_wrap=True)


def _integers(option, text):
    try:
        return tuple(int(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        raise ValueError(
            f"`{option}` must be numbers with commas between them. Received: {text!r}."
        ) from None
