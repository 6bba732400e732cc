"""CDAE against the dense formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import CDAE
from deca_tf.data import Interactions
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, DIM = 6, 5, 3
TABLE = np.array(
    [
        [0, 0, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [1, 1, 1, 1, 1],
        [0, 0, 0, 1, 0],
        [1, 1, 0, 0, 0],
        [0, 1, 1, 1, 0],
    ]
)


@pytest.fixture(autouse=True, params=["all users in every batch", "those of the batch"])
def size(request, monkeypatch):
    monkeypatch.setattr(
        "deca_tf.backbones.cdae.MOST_CELLS", 10**9 if request.param.startswith("all") else 0
    )


def model_of(table=TABLE, **options):
    users, items = np.nonzero(table)
    size = table.shape
    model = CDAE(*size, embedding_dim=DIM, **options)
    model.adapt(Interactions(users.astype(np.int32), items.astype(np.int32), *map(np.arange, size)))
    return model


def every_pair():
    users, items = np.indices((USERS, ITEMS), np.int32).reshape(2, -1)
    return {"user_id": users, "item_id": items}


def by_hand(model, table=TABLE):
    """Logits of all pairs; a user (or item) without history has degree 0 and adds nothing."""
    root = np.sqrt(
        np.sqrt(
            np.maximum(table.sum(1, keepdims=True), 1) * np.maximum(table.sum(0, keepdims=True), 1)
        )
    )
    encoder, bias, own, decoder, item_bias = (
        np.array(weight, np.float64)
        for weight in (
            model.encoder_table,
            model.encoder_bias,
            model.user_table,
            model.decoder_table,
            model.decoder_bias,
        )
    )
    return np.tanh(table / root @ encoder + bias + own) @ decoder.T + item_bias


def test_logits_equal_the_dense_formula():
    model = model_of()
    received = np.array(model(every_pair())).reshape(USERS, ITEMS)
    np.testing.assert_allclose(received, by_hand(model), rtol=1e-5, atol=1e-6)


def test_without_corruption_training_and_ranking_see_the_same():
    model = model_of(corruption=0.0)
    np.testing.assert_allclose(
        np.array(model(every_pair(), training=True)), np.array(model(every_pair())), rtol=1e-6
    )


def test_corruption_leaves_out_half_and_doubles_the_rest():
    """One user, many items, tiny weights.

    Tanh is linear, so the mean of the corrupted sums is the sum.
    """
    model = model_of(np.ones((1, 2000), int), seed=3)
    clean = np.array(model.encode(np.array([0], np.int32)))
    model.user_table.assign(np.zeros((1, DIM)))
    model.encoder_bias.assign(np.zeros(DIM))
    model.encoder_table.assign(np.full((2000, DIM), 1e-5))
    clean = np.array(model.encode(np.array([0], np.int32)))[0, 0]
    drawn = np.array(
        [np.array(model.encode(np.array([0], np.int32), training=True))[0, 0] for _ in range(20)]
    )
    kept = drawn / clean / 2  # share of the items that were left
    assert len(set(drawn.tolist())) > 10
    assert np.abs(kept - 0.5).max() < 0.06
    assert kept.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("corruption", [0.2, 0.7])
def test_corrupted_sums_have_the_mean_of_the_whole_and_the_variance_of_the_draw(corruption):
    """Mean sum x_j, variance c / (1 - c) sum x_j^2, c the corruption.

    Users of one history are as many draws.
    """
    draws = 2000
    model = model_of(np.ones((draws, ITEMS), int), corruption=corruption, seed=1)
    model.user_table.assign(np.zeros((draws, DIM)))
    model.encoder_bias.assign(np.zeros(DIM))
    encoder = np.random.default_rng(0).normal(
        scale=0.01, size=(ITEMS, DIM)
    )  # small: tanh is all but linear
    model.encoder_table.assign(encoder)
    parts = encoder / (draws * ITEMS) ** 0.25
    drawn = np.array(model.encode(np.arange(draws, dtype=np.int32), training=True))
    deviation = np.sqrt(corruption / (1 - corruption) * (parts**2).sum(0))
    np.testing.assert_allclose(drawn.std(0), deviation, rtol=0.08)
    assert (np.abs(drawn.mean(0) - parts.sum(0)) < 4 * deviation / np.sqrt(draws)).all()


def test_a_model_that_was_given_anothers_weights_has_its_histories():
    model = model_of()
    other = CDAE.from_config(model.get_config())
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(np.array(other(every_pair())), np.array(model(every_pair())))


def test_a_model_of_models_that_was_given_anothers_weights_has_the_histories():
    model = DeCAModel(model_of())
    other = DeCAModel.from_config(model.get_config())
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(np.array(other(every_pair())), np.array(model(every_pair())))


@pytest.mark.parametrize("length", [3, None])
def test_gradients_for_fewer_pairs_than_users_are_the_formulas(length):
    model = model_of(corruption=0.0)
    users, items, factors = np.int32([1, 4, 1]), np.int32([0, 2, 3]), np.float32([1, 2, 3])
    ids = {name: tf.TensorSpec((length,), tf.int32) for name in ("user_id", "item_id")}

    @tf.function(input_signature=[ids])
    def gradients(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(ids, training=True) * factors)
        found = tape.gradient(loss, [model.user_table.value, model.encoder_table.value])
        return [tf.convert_to_tensor(gradient) for gradient in found]

    root = np.sqrt(
        np.sqrt(np.maximum(TABLE.sum(1, keepdims=True), 1) * np.maximum(TABLE.sum(0), 1))
    )
    before_tanh = (
        TABLE / root @ np.array(model.encoder_table)
        + np.array(model.user_table)
        + np.array(model.encoder_bias)
    )
    of_users = np.zeros((USERS, DIM))
    np.add.at(of_users, users, factors[:, None] * np.array(model.decoder_table)[items])
    of_users *= 1 - np.tanh(before_tanh) ** 2
    by_user, by_item = gradients({"user_id": users, "item_id": items})
    np.testing.assert_allclose(by_user, of_users, atol=1e-6)
    np.testing.assert_allclose(by_item, (TABLE / root).T @ of_users, atol=1e-6)


def test_users_without_history_can_be_alone_in_a_batch():
    model = model_of()
    model.adapt(Interactions(*np.nonzero(TABLE), np.arange(USERS), np.arange(ITEMS)))
    expected = np.tanh(np.array(model.user_table)[0] + np.array(model.encoder_bias))
    for training in (False, True):
        hidden = np.array(model.encode(np.array([0, 0], np.int32), training=training))
        np.testing.assert_allclose(hidden, [expected, expected], rtol=1e-6)


def test_a_loaded_model_corrupts_as_the_saved_one_would_have(tmp_path):
    model = model_of(seed=4)
    first = np.array(model(every_pair(), training=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    second = np.array(model(every_pair(), training=True))
    assert (second != first).any()
    np.testing.assert_array_equal(np.array(loaded(every_pair(), training=True)), second)


def test_batches_of_all_users_are_corrupted_as_batches_of_some(monkeypatch):
    encoded = []
    for most_cells in (10**9, 0):
        monkeypatch.setattr("deca_tf.backbones.cdae.MOST_CELLS", most_cells)
        encoded.append(
            np.array(model_of(seed=4).encode(np.array([4, 2, 2, 0], np.int32), training=True))
        )
    np.testing.assert_allclose(*encoded, rtol=1e-5)


def test_a_user_is_corrupted_once_in_a_batch():
    hidden = np.array(model_of().encode(np.array([2, 5, 2, 2], np.int32), training=True))
    np.testing.assert_array_equal(hidden[0], hidden[2])
    np.testing.assert_array_equal(hidden[0], hidden[3])


def test_equal_seeds_corrupt_alike():
    one, other = (np.array(model_of(seed=4)(every_pair(), training=True)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_initial_weights_are_those_of_pytorchs_layers():
    model = CDAE(3000, 400)
    assert np.std(model.user_table) == pytest.approx(1.0, rel=0.02)
    for weight, inputs in (
        (model.encoder_table, 400),
        (model.decoder_table, 32),
        (model.decoder_bias, 32),
    ):
        assert np.abs(weight).max() == pytest.approx(inputs**-0.5, rel=0.02)


def test_all_corruption_is_refused():
    with pytest.raises(ValueError, match="`corruption` must be below 1"):
        CDAE(2, 2, corruption=1.0)
