"""Updates on whole users, against a second implementation in float64.

Its gradients are differences, and it knows no sparse matrices: a user is a row of the table of all
scores. Under a pool, a sum over all items is the sum over the clicks and, of the pool without them,
each as often as it stands for items.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import BACKBONES, CDAE, ELSA, MF
from deca_tf.config import resolve
from deca_tf.data import Interactions, training_batches
from deca_tf.data.shared_pool import SharedPool
from deca_tf.denoisers import NMSE, CrossEntropy, Multinomial
from deca_tf.optimizers import Adam, LazyAdam
from deca_tf.recipes.methods import LEARNS_BY
from deca_tf.training.deca_model import DeCAModel

SEED = 4
LAST = 2**32 - 1  # the number of the pool that every validation has
TABLE = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 1, 1],
        [0, 0, 0, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 0, 0],
        [0, 1, 1, 1, 0, 0, 1],
    ]
)
USERS, ITEMS = TABLE.shape
BATCH = [4, 2, 5, 1]
EAGERLY = {"run_eagerly": True}
DENOISERS = {"nmse": NMSE, "multinomial": Multinomial}


def interactions(weighted=False):
    users, items = np.nonzero(TABLE)
    weight = np.random.default_rng(1).uniform(0.2, 1, len(users)) if weighted else None
    return Interactions(users, items, np.arange(USERS), np.arange(ITEMS), weight=weight)


def targets(weighted):
    found = np.zeros(TABLE.shape)
    pairs = interactions(weighted)
    found[pairs.user_id, pairs.item_id] = 1 if pairs.weight is None else pairs.weight
    return found


def build(kind, denoiser, pool_size=None, weighted=False):
    target = kind(USERS, ITEMS, embedding_dim=3, corruption=0.0, seed=SEED)
    target.adapt(interactions(weighted))
    return DeCAModel(target, DENOISERS[denoiser](pool_size=pool_size))


def batch(users=BATCH, *weight):
    given = {"user_id": np.int32(users)[:, None]}, np.ones((len(users), 1), np.float32), *weight
    dataset = tf.data.Dataset.from_tensors(given)
    dataset.deca_tf_ranges = {"user_id": USERS, "item_id": ITEMS}  # as `checked_by` notes them
    return dataset


def scores_of_elsa(weights):
    (table,) = weights
    vectors = table / np.linalg.norm(table, axis=1, keepdims=True)
    return TABLE @ vectors @ vectors.T - TABLE


def scores_of_cdae(weights):
    own, encoder, bias, decoder, item_bias = weights
    degrees = TABLE.sum(1, keepdims=True) * TABLE.sum(0)
    scaled = np.where(TABLE > 0, TABLE / np.maximum(degrees, 1) ** 0.25, 0)
    return np.tanh(scaled @ encoder + own + bias) @ decoder.T + item_bias


SCORES = {ELSA: scores_of_elsa, CDAE: scores_of_cdae}


def sum_over_items(values, clicks, pool_size, number=0):
    """Of values of all items `(items,)`, by the pool of that number."""
    if pool_size is None:
        return values.sum()
    pool = SharedPool(pool_size, ITEMS, SEED)
    return values[clicks].sum() + sum(
        count * values[item]
        for item, count in zip(np.array(pool(tf.constant(number))), pool.stands_for, strict=True)
        if not clicks[item]
    )


def loss_of(kind, weights, denoiser, pool_size, weighted, users=BATCH):
    scores, wanted, losses = SCORES[kind](weights), targets(weighted), []
    for s, y, x in zip(scores[users], wanted[users], TABLE[users] > 0, strict=True):
        if denoiser == "nmse":
            length = np.sqrt(sum_over_items(s**2, x, pool_size))
            losses.append(2 - 2 * (y @ s) / length / np.linalg.norm(y))
        else:
            losses.append(y.sum() * np.log(sum_over_items(np.exp(s), x, pool_size)) - y @ s)
    return np.mean(losses)


def gradients_of(weights, loss, step=1e-6):
    found = []
    for weight in weights:
        gradient = np.zeros_like(weight)
        for index in np.ndindex(weight.shape):
            kept = weight[index]
            weight[index] = kept + step
            above = loss()
            weight[index] = kept - step
            gradient[index] = (above - loss()) / (2 * step)
            weight[index] = kept
        found.append(gradient)
    return found


def check_update(model, kind, denoiser, pool_size, weighted, **way):
    before = [np.float64(weight.numpy()) for weight in model.target.trainable_variables]
    expected = loss_of(kind, before, denoiser, pool_size, weighted)
    gradients = gradients_of(before, lambda: loss_of(kind, before, denoiser, pool_size, weighted))
    model.compile(keras.optimizers.SGD(1.0), **(way or EAGERLY))
    logs = model.fit(batch(), shuffle=False, verbose=0).history
    assert logs["loss"] == pytest.approx([expected], rel=1e-5)
    for weight, old, gradient in zip(
        model.target.trainable_variables, before, gradients, strict=True
    ):
        np.testing.assert_allclose(old - weight.numpy(), gradient, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("pool_size", [None, 4])
@pytest.mark.parametrize("denoiser", DENOISERS)
def test_an_update_of_elsa_follows_the_gradient(denoiser, pool_size, weighted):
    model = build(ELSA, denoiser, pool_size, weighted)
    check_update(model, ELSA, denoiser, pool_size, weighted)


@pytest.mark.parametrize("cells", ["all users in every batch", "those of the batch"])
@pytest.mark.parametrize("pool_size", [None, 4])
@pytest.mark.parametrize("denoiser", DENOISERS)
def test_an_update_of_cdae_follows_the_gradient(denoiser, pool_size, cells, monkeypatch):
    if cells.startswith("those"):
        monkeypatch.setattr("deca_tf.backbones.cdae.MOST_CELLS", 0)
    model = build(CDAE, denoiser, pool_size, weighted=True)
    check_update(model, CDAE, denoiser, pool_size, weighted=True)


@pytest.mark.parametrize("pool_size", [None, 4])
@pytest.mark.parametrize(("kind", "denoiser"), [(ELSA, "nmse"), (CDAE, "multinomial")])
def test_in_the_graph_and_where_it_can_be_under_xla_an_update_is_the_same(
    kind, denoiser, pool_size
):
    model = build(kind, denoiser, pool_size)
    way = {"jit_compile": model.target.supports_jit}
    check_update(model, kind, denoiser, pool_size, weighted=False, **way)


def test_monitored_of_nmse_are_normalised_scores():
    model = build(ELSA, "nmse")
    scores = scores_of_elsa([np.float64(model.target.item_table.numpy())])[BATCH]
    scores /= np.linalg.norm(scores, axis=1, keepdims=True)
    clicked = TABLE[BATCH] > 0
    model.compile(keras.optimizers.SGD(0.0), **EAGERLY)
    logs = model.fit(batch(), shuffle=False, verbose=0).history
    for name, of in (("positive_prob", clicked), ("negative_prob", ~clicked)):
        means = [own[those].mean() for own, those in zip(scores, of, strict=True)]
        assert logs[name] == pytest.approx([np.mean(means)], rel=1e-4)


def test_monitored_of_multinomial_are_shares():
    model = build(CDAE, "multinomial")
    weights = [np.float64(weight.numpy()) for weight in model.target.trainable_variables]
    shares = np.exp(scores_of_cdae(weights)[BATCH])
    shares /= shares.sum(1, keepdims=True)
    clicked = TABLE[BATCH] > 0
    model.compile(keras.optimizers.SGD(0.0), **EAGERLY)
    logs = model.fit(batch(), shuffle=False, verbose=0).history
    for name, of in (("positive_prob", clicked), ("negative_prob", ~clicked)):
        means = [own[those].mean() for own, those in zip(shares, of, strict=True)]
        assert logs[name] == pytest.approx([np.mean(means)], rel=1e-4)


@pytest.mark.parametrize("pool_size", [None, 4])
@pytest.mark.parametrize(("kind", "denoiser"), [(ELSA, "nmse"), (CDAE, "multinomial")])
def test_validation_is_on_clicks_each_by_itself(kind, denoiser, pool_size):
    """Items that no history of these users has, so that they are learned from others alone."""
    held_out = Interactions([1, 5, 1], [3, 4, 4], np.arange(USERS), np.arange(ITEMS))
    model = build(kind, denoiser, pool_size)
    weights = [np.float64(weight.numpy()) for weight in model.target.trainable_variables]
    scores, losses = SCORES[kind](weights), []
    for user, item in zip(held_out.user_id, held_out.item_id, strict=True):
        is_click = np.arange(ITEMS) == item
        if denoiser == "nmse":
            length = np.sqrt(sum_over_items(scores[user] ** 2, is_click, pool_size, LAST))
            losses.append(2 - 2 * scores[user, item] / length)
        else:
            total = sum_over_items(np.exp(scores[user]), is_click, pool_size, LAST)
            losses.append(np.log(total) - scores[user, item])
    model.compile(Adam(), jit_compile=model.target.supports_jit)
    assert model.evaluate(held_out, verbose=0) == pytest.approx(np.mean(losses), rel=1e-4)


def test_fit_makes_the_batches_and_learns():
    model = DeCAModel(ELSA(USERS, ITEMS, embedding_dim=4, seed=SEED), NMSE())
    model.compile(Adam(0.05))
    losses = model.fit(interactions(), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 0.3


def test_a_weight_of_0_and_no_user_are_the_same():
    weighted = batch([4, 2, 5, 1], np.float32([[1], [0], [1], [0]]))
    models = [build(ELSA, "nmse") for _ in range(2)]
    for model, data, rate in (
        (models[0], weighted, 2.0),  # the mean is over all four
        (models[1], batch([4, 5]), 1.0),
    ):
        model.compile(keras.optimizers.SGD(rate), **EAGERLY)
        model.fit(data, shuffle=False, verbose=0)
    np.testing.assert_allclose(*(model.target.item_table for model in models), rtol=1e-5, atol=1e-6)


def test_lazy_adam_moves_the_rows_of_the_batch_and_of_the_pool_alone():
    model = build(ELSA, "nmse", pool_size=2)
    before = model.target.item_table.numpy()
    model.compile(LazyAdam(0.1))
    model.fit(batch([1, 1]), shuffle=False, verbose=0)
    moved = np.flatnonzero((model.target.item_table.numpy() != before).any(axis=1))
    drawn = np.array(SharedPool(2, ITEMS, SEED)(tf.constant(0)))
    assert set(moved) == {0, 2, *drawn.tolist()} != set(range(ITEMS))


@pytest.mark.parametrize("pool_size", [None, 3])
def test_lazy_adam_makes_the_first_step_of_adam(pool_size):
    models = [build(ELSA, "nmse", pool_size) for _ in range(2)]
    for model, optimizer in zip(models, (Adam(0.1), LazyAdam(0.1)), strict=True):
        model.compile(optimizer)
        model.fit(batch(), shuffle=False, verbose=0)
    np.testing.assert_allclose(*(model.target.item_table for model in models), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "denoiser"), [(ELSA, "nmse"), (CDAE, "multinomial")])
def test_training_that_goes_on_from_a_file_is_that_which_never_stopped(kind, denoiser, tmp_path):
    models = []
    for _ in range(2):
        target = kind(USERS, ITEMS, embedding_dim=3, corruption=0.4, seed=SEED)
        models.append(DeCAModel(target, DENOISERS[denoiser](pool_size=4)))
        models[-1].compile(Adam(0.05), jit_compile=False)
        models[-1].fit(interactions(True), epochs=2, users_per_batch=2, verbose=0)
    models[0].save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for model in (loaded, models[1]):
        model.fit(interactions(True), epochs=2, users_per_batch=2, verbose=0)
    for one, other in zip(loaded.weights, models[1].weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6, err_msg=other.path)


def test_batches_of_pairs_are_refused():
    model = build(ELSA, "nmse")
    model.compile(Adam(), **EAGERLY)
    with pytest.raises(ValueError, match="or batches of users, under NMSE. Received: batches with"):
        model.fit(training_batches(interactions(), batch_size=4), verbose=0)


def test_elsa_learns_by_its_own_denoiser_where_nobody_names_one():
    for name, denoiser in LEARNS_BY.items():
        assert BACKBONES.load(name).default_denoiser == denoiser
    assert type(DeCAModel(ELSA(USERS, ITEMS)).denoiser) is NMSE
    assert type(DeCAModel(CDAE(USERS, ITEMS)).denoiser) is CrossEntropy
    for data in ({}, {"data": {"dataset": "modcloth"}}):
        overrides = {"backbone": {"name": "cdae"}, "denoiser": {"name": "multinomial"}, **data}
        assert resolve(overrides=overrides).training.learning_rate == 0.01
    config = resolve(overrides={"backbone": {"name": "elsa"}})
    assert (config.denoiser.name, config.training.learning_rate) == ("nmse", 0.05)


def test_a_target_without_histories_is_refused():
    with pytest.raises(
        ValueError, match="`target` must encode users' histories under NMSE.*Received: a MF"
    ):
        DeCAModel(MF(USERS, ITEMS), NMSE())
