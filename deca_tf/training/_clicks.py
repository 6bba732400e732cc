"""Layout "clicks": each click among candidates that a batch shares. See `_layouts`.

Candidates are the whole catalogue, or a pool that is drawn for each update. In what an update sees
the items are the clicks' and, behind them, the pool's: a table is looked up once for both.
"""

import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import score_clicks_by_pairs
from deca_tf.data.shared_pool import SharedPool
from deca_tf.training._batch_layout import flatten, flatten_weight

MOST_ITEMS = 20_000  # of a catalogue that is taken whole where nobody says how many candidates
POOL = 4096  # candidates beyond
NETWORK_POOL = 64  # candidates where each score takes a network
EVALUATION = 2**32 - 1  # number of the pool of a validation, which no update reaches


def take(model, inputs, label, weight, rows=slice(None), number=None):
    weight = flatten_weight(weight, label, rows)
    inputs, label, _ = flatten(inputs, label, rows)
    pool = pool_of(model)
    if pool is not None:
        drawn = pool(model.optimizer.iterations if number is None else number)
        inputs = {**inputs, "item_id": ops.concatenate([inputs["item_id"], drawn])}
    return inputs, label, inputs, weight


def loss(model, phase, inputs, label, weight):
    """The mean over the clicks. What is no click, of batches with negatives, is left out."""
    each, share, others = _losses(model, model.target, phase, inputs, training=True)
    weight = label if weight is None else weight * label
    return ops.sum(weight * each) / ops.maximum(ops.sum(label), 1.0), (share, others)


def read(model, outputs, label):
    """The mean share of a click, and of another item."""
    share, others = outputs
    model.positive_prob.update_state(share, sample_weight=label)
    model.negative_prob.update_state((1.0 - share) / others, sample_weight=label)


def evaluate(model, inputs, label, weight):
    """The loss of the clicks by the denoiser's first phase, always among the same candidates.

    What is no click is left out.
    """
    inputs, label, _, weight = take(model, inputs, label, weight, number=EVALUATION)
    each, *_ = _losses(model, model.recommender, model.denoiser.phases[0], inputs, training=False)
    return each if weight is None else weight * each, label


def _losses(model, network, phase, inputs, training):
    """Losses and shares of the clicks `(batch,)`, and how many other items there are."""
    users, items, num_items = inputs["user_id"], inputs["item_id"], num_items_of(model)
    pool = pool_of(model)
    if pool is None:
        clicks, candidates = items, ops.arange(num_items, dtype=items.dtype)
        stands_for = 1.0
    else:
        clicks, candidates = items[: -pool.size], items[-pool.size :]
        stands_for = pool.stands_for
    click_logits, candidate_logits = _scores(
        network, num_items, users, items, pool and pool.size, training
    )
    each, share = model.denoiser.compute_click_loss(
        phase,
        {"user_id": users, "item_id": clicks, "candidate_id": candidates},
        click_logits,
        candidate_logits,
        tf.where(clicks[:, None] == candidates, 0.0, stands_for),
        model.optimizer.iterations,
    )
    return each, share, max(num_items - 1, 1)


def _scores(network, num_items, users, items, pool, training):
    """In float32, in which losses are worked out."""
    if hasattr(network, "score_clicks"):
        scores = network.score_clicks(users, items, pool, training)
    else:
        scores = score_clicks_by_pairs(network, num_items, users, items, pool, training)
    return (ops.cast(logits, "float32") for logits in scores)


def pool_of(model):
    """The `SharedPool` of an update, or None where the whole catalogue is taken."""
    num_items, size = num_items_of(model), getattr(model.denoiser, "pool_size", None)
    if size is None and not getattr(model.target, "is_factorized", False):
        size = NETWORK_POOL
    elif size is None:
        size = num_items if num_items <= MOST_ITEMS else POOL
    if size >= num_items:
        return None
    return SharedPool(size, num_items, getattr(model.target, "seed", 0))


def num_items_of(model):
    num_items = model.id_sizes()["item_id"]
    if num_items is None:
        raise ValueError(
            "`target` must have `num_items` under a denoiser that looks at the whole catalogue. "
            f"Received: a {type(model.target).__name__} without. Set it: "
            "`target.num_items = split.num_items`."
        )
    return num_items
