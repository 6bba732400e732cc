"""A new model beside the last blessed one, on what both know.

Each was trained on its own users, items and clicks. Neither may win by knowing more or by having
seen the answers. So they are compared on the new model's test, of which remain: the users and items
that both know; and of these, the pairs that the older one was not trained on, as far as its shards
are still there. Both rank the common items alone, without what the user has in the new train and
validation. Users without clicks in train are ranked by popularity under both.
"""

import pandas as pd

from deca_tf.backbones.reindexed import Reindexed
from deca_tf.data import schema
from deca_tf.data.common_ids import on_common_ids
from deca_tf.data.shards import IDS_FILES, INTERACTIONS_FILE, RAW_ID, open_shards
from deca_tf.evaluation import Evaluator
from deca_tf.evaluation.significance import compare
from deca_tf.runs.folder import RunFolder
from deca_tf.runs.load import read_model

from .steps.split import SHARDS
from .steps.trainer import MODEL, Trainer


def evaluate_beside(model, split, store, blessed, metric):
    """Evaluates two models on the same users and pairs.

    Args:
        model: the new `DeCAModel` or `Baseline`.
        split: its `Split`.
        store: the `Store`.
        blessed: the `Execution` that blessed the older one.
        metric: 'recall@20' or another.

    Returns:
        A dict for JSON: `model`, the older one's relative path; `users` and `pairs` compared on;
        `learnt`, how many pairs were taken out because it was trained on them, None if that is not
        known; and where there are users, `before`, `now`, `difference` and `p_value` of a paired
        t-test over them.
    """
    path = blessed.inputs[MODEL]
    common = on_common_ids(split, *(_raw_ids(store.root / path, name) for name in IDS_FILES))
    shards, learnt = _shards_of(store, path), None
    if shards is not None:
        pairs = len(common.split.test)
        for block in shards.blocks("train", (schema.USER_ID, schema.ITEM_ID)):
            common = common.without(block[schema.USER_ID], block[schema.ITEM_ID])
        learnt = pairs - len(common.split.test)
    found = {"model": path, "users": 0, "pairs": len(common.split.test), "learnt": learnt}
    if not found["pairs"]:
        return found
    older = read_model(RunFolder(store.root / path))
    evaluator = Evaluator(common.split, ks=(int(metric.partition("@")[2]),))
    now = evaluator(Reindexed(_recommender(model), common.users, common.items))
    before = evaluator(Reindexed(_recommender(older), common.other_users, common.other_items))
    paired = compare(*(each.per_user.set_index(schema.USER_ID)[metric] for each in (now, before)))
    return found | {
        "users": now.num_users,
        "before": before.metrics[metric],
        "now": now.metrics[metric],
        "difference": paired.difference,
        "p_value": paired.p_value,
    }


def _recommender(model):
    """The model that ranks: of a `DeCAModel` its recommender."""
    return getattr(model, "recommender", model)


def _raw_ids(model, name):
    return pd.read_parquet(model / IDS_FILES[name], columns=[RAW_ID])[RAW_ID].to_numpy()


def _shards_of(store, model):
    """The `Shards` that a model was trained on, or None."""
    for each in store.executions(Trainer.name):
        if (
            each.outputs[MODEL] == model
            and (store.root / each.inputs[SHARDS] / INTERACTIONS_FILE).is_file()
        ):
            return open_shards(store.root / each.inputs[SHARDS])
    return None
