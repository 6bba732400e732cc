"""Layout "users": whole users, each with the history that the target encodes. See `_layouts`.

A batch has ids of users alone: what they clicked is what the target has adapted to. Candidates are
the whole catalogue, or a pool that is drawn for each update. In what an update sees the items are
the histories' and, behind them, the pool's: a table is looked up once for both.
"""

import tensorflow as tf
from keras import ops

from deca_tf.backbones.histories import Histories
from deca_tf.denoisers.user_scores import UserScores
from deca_tf.embeddings.row_sums import gather_summed
from deca_tf.training._batch_layout import flatten, flatten_weight
from deca_tf.training._clicks import EVALUATION, num_items_of, pool_of


def take(model, inputs, label, weight, rows=slice(None)):
    if "item_id" in inputs:
        raise ValueError(
            f"`x` must be Interactions, or batches of users, under "
            f"{type(model.denoiser).__name__}. Received: batches with 'item_id'. Make them by "
            "`deca_tf.data.training_batches_of_users(split.train)`."
        )
    users = ops.reshape(inputs["user_id"][rows], (-1,))
    histories = model.target.histories_of(users)
    inputs = _with_histories(model, histories, (), model.optimizer.iterations)
    weight = None if weight is None else ops.cast(ops.reshape(weight[rows], (-1,)), "float32")
    return inputs, ops.cast(ops.reshape(label[rows], (-1,)), "float32"), inputs, weight


def loss(model, phase, inputs, label, weight):
    """The mean over the users."""
    scores = _scores(model, model.target, inputs, training=True)
    each = model.denoiser.compute_user_loss(phase, scores, model.optimizer.iterations)
    weight = label if weight is None else weight * label
    return ops.sum(weight * each) / ops.maximum(ops.sum(label), 1.0), scores


def read(model, scores, label):
    """What the denoiser reads of each user's clicks and of other items."""
    clicked, others = model.denoiser.read_users(scores)
    model.positive_prob.update_state(clicked, sample_weight=label)
    model.negative_prob.update_state(others, sample_weight=label)


def evaluate(model, inputs, label, weight):
    """The loss of pairs, each as if it were all that its user clicked, always by the same pool.

    What is no click is left out.
    """
    weight = flatten_weight(weight, label)
    inputs, label, _ = flatten(inputs, label)
    users, whose = inputs["user_id"], tf.range(tf.size(label))
    if not model.recommender.supports_jit:  # which goes through all histories anyway
        users, whose = tf.unique(users)
    histories = model.recommender.histories_of(users)
    given = _with_histories(model, histories, (inputs["item_id"],), EVALUATION)
    scores = _scores(model, model.recommender, given, training=False, clicks=(whose, label))
    each = model.denoiser.compute_user_loss(
        model.denoiser.phases[0], scores, model.optimizer.iterations
    )
    return each if weight is None else weight * each, label


def _with_histories(model, histories, clicks, number):
    """What an update sees: the histories with, behind their items, those of clicks and a pool's.

    Args:
        model: the `DeCAModel`.
        histories: `Histories`.
        clicks: nothing, or `(items,)`.
        number: of the pool.
    """
    pool = pool_of(model)
    given = {name: each for name, each in histories._asdict().items() if each is not None}
    drawn = () if pool is None else (pool(number),)
    return {**given, "item_id": ops.concatenate([histories.item_id, *clicks, *drawn])}


def _scores(model, network, inputs, training, clicks=None):
    """`UserScores`, in float32, in which losses are worked out.

    Args:
        model: the `DeCAModel`.
        network: its target, or its recommender.
        inputs: by `_with_histories`.
        training: whether it is.
        clicks: of the items that lie behind the histories, whose each is and its target: each is
            then the one click of a user of its own. None: the histories are what is to be found.
    """
    pool, num_items = pool_of(model), num_items_of(model)
    num_edges = tf.size(inputs["row"])
    edges = inputs["item_id"][:num_edges]
    histories = Histories(**{**inputs, "item_id": edges})
    item_ids = None if pool is None else inputs["item_id"]
    encoded = network.encode_histories(histories, item_ids, training)
    queries, clicked, others, own = (
        None if each is None else ops.cast(each, "float32") for each in encoded
    )
    if clicks is None:
        user, items = histories.row, edges
        target = ops.ones_like(user, "float32") if histories.target is None else histories.target
    else:
        whose, target = clicks
        user = tf.range(tf.size(whose))
        items = inputs["item_id"][num_edges : num_edges + tf.size(whose)]
        if pool is not None:
            clicked, others = tf.split(others, [tf.size(whose), pool.size])
    if pool is None:
        logits = tf.matmul(queries, others, transpose_b=True)
        logits = _without_own(logits, own, tf.stack([histories.row, edges], axis=1))
        if clicks is not None:
            logits = tf.gather(logits, whose)
        of_clicks = tf.gather_nd(logits, tf.stack([tf.maximum(user, 0), items], axis=1))
        return UserScores(user, target, of_clicks, logits, None, num_items)
    logits = tf.matmul(queries, tf.ensure_shape(others, (pool.size, None)), transpose_b=True)
    drawn = inputs["item_id"][-pool.size :]
    if clicks is not None:
        cells, is_drawn = _cells_of_pool(pool, drawn, histories.row, edges)
        own = None if own is None else tf.where(is_drawn, own, 0.0)
        logits = tf.gather(_without_own(logits, own, cells), whose)
        queries, own = tf.gather(queries, whose), None
    of_clicks = ops.sum(gather_summed(queries, tf.maximum(user, 0)) * clicked, axis=-1)
    if own is not None:  # in the pool it need not be left out: no click counts there
        of_clicks -= own
    cells, is_drawn = _cells_of_pool(pool, drawn, user, items)
    counted = tf.where(is_drawn, tf.gather(pool.stands_for, cells[:, 1]), 0.0)
    stands_for = pool.stands_for - tf.scatter_nd(cells, counted, tf.shape(logits))
    return UserScores(user, target, of_clicks, logits, stands_for, num_items)


def _cells_of_pool(pool, drawn, user, items):
    """Where among the scores of a pool users' items would be, `(n, 2)`, and whether they are.

    Args:
        pool: `SharedPool`.
        drawn: its items.
        user, items: int32 `(n,)`; a user below 0 is none.
    """
    place = pool.place_of(items)
    is_drawn = (tf.gather(drawn, place) == items) & (user >= 0)
    return tf.stack([tf.maximum(user, 0), place], axis=1), is_drawn


def _without_own(logits, own, cells):
    """Scores of all items without what the histories' items add to their own.

    Args:
        logits: `(users, items)`.
        own: `(n,)`, or None.
        cells: of the histories, whose and which item, `(n, 2)`; nobody's are below 0.
    """
    if own is None:
        return logits
    own = tf.where(cells[:, 0] >= 0, own, 0.0)
    # A sum and a difference take a tenth of the time of a difference at places.
    return logits - tf.scatter_nd(tf.maximum(cells, 0), own, tf.shape(logits))
