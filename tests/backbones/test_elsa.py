"""ELSA against the dense formula, and by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from deca_tf.backbones import ELSA
from deca_tf.data import Interactions

DAY = 86_400
USERS, ITEMS, DIM = 5, 4, 3
TABLE = np.array([[0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0]])


def clicks(table=TABLE, **columns):
    users, items = np.nonzero(table)
    return Interactions(users, items, *map(np.arange, table.shape), **columns)


def model_of(table=TABLE, interactions=None, corruption=0.0, **options):
    model = ELSA(*table.shape, embedding_dim=DIM, corruption=corruption, **options)
    model.adapt(clicks(table) if interactions is None else interactions)
    return model


def every_pair(table=TABLE):
    users, items = np.indices(table.shape, np.int32).reshape(2, -1)
    return {"user_id": users, "item_id": items}


def weights_of(model):
    """A A', in float64."""
    table = np.float64(model.item_table.numpy())
    vectors = table / np.linalg.norm(table, axis=1, keepdims=True)
    return vectors @ vectors.T


def logits_of(model, **options):
    shape = model.num_users, model.num_items
    return np.array(model(every_pair(np.zeros(shape)), **options)).reshape(shape)


def test_three_items_by_hand():
    """Items along x, along y, and halfway between: at right angles, and twice at half of one.

    A user who took the first two has `1 + 0`, `0 + 1` and `2 * cos(45 degrees)`. In training his
    own items lose the 1 that they add to themselves.
    """
    model = ELSA(1, 3, embedding_dim=2, corruption=0.0)
    model.adapt(clicks(np.array([[1, 1, 0]])))
    model.item_table.assign([[2.0, 0.0], [0.0, 0.5], [3.0, 3.0]])
    np.testing.assert_allclose(logits_of(model), [[1, 1, 2**0.5]], rtol=1e-6)
    np.testing.assert_allclose(logits_of(model, training=True), [[0, 0, 2**0.5]], atol=1e-6)


def test_logits_equal_the_dense_formula():
    model = model_of()
    np.testing.assert_allclose(logits_of(model), TABLE @ weights_of(model), rtol=1e-5, atol=1e-6)


def test_training_leaves_out_what_an_item_adds_to_itself():
    model = model_of()
    expected = TABLE @ weights_of(model) - TABLE
    np.testing.assert_allclose(logits_of(model, training=True), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", [None, [3, 0, 2]])
def test_clicks_and_candidates_of_training_leave_it_out_too(pool):
    model, ids = model_of(), every_pair()
    expected = TABLE @ weights_of(model) - TABLE
    users, items = ids["user_id"], ids["item_id"]
    asked = items if pool is None else np.concatenate([items, np.int32(pool)])
    columns = np.arange(ITEMS) if pool is None else pool
    clicked, others = model.score_clicks(users, asked, pool and len(pool), training=True)
    np.testing.assert_allclose(clicked, expected[users, items], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(others, expected[users][:, columns], rtol=1e-5, atol=1e-6)


def test_an_unknown_user_has_the_scores_of_a_known_one_with_his_history():
    model = model_of()
    histories = np.array([[0, 2, ITEMS, ITEMS], [3, 0, 1, 2], [0, 1, ITEMS, ITEMS]], np.int32)
    known = model.query_embedding(np.array([1, 2, 4], np.int32))
    np.testing.assert_allclose(model.history_embedding(histories), known, rtol=1e-6, atol=1e-6)


def test_a_user_without_history_scores_nothing():
    model = model_of()
    users = ops.convert_to_tensor([0, 0], dtype="int32")
    np.testing.assert_array_equal(model.score_all_items(users), np.zeros((2, ITEMS)))
    empty = np.full((1, 2), ITEMS, np.int32)
    np.testing.assert_array_equal(model.history_embedding(empty), np.zeros((1, DIM)))


def test_there_is_nothing_to_learn_of_a_user():
    few, many = (ELSA(users, ITEMS, embedding_dim=DIM) for users in (1, 10_000))
    shapes = [[weight.shape for weight in model.trainable_variables] for model in (few, many)]
    assert shapes == [[(ITEMS, DIM)]] * 2


def test_initial_vectors_are_of_about_length_1_on_any_catalogue():
    for items in (100, 5000):
        lengths = np.linalg.norm(ELSA(1, items).item_table.numpy(), axis=1)
        assert lengths.mean() == pytest.approx(1, abs=0.01)


def test_older_clicks_count_less():
    """By a half-life of two days, after no, one, two and four days: 1, 2 ** -.5, 1 / 2, 1 / 4.

    Of the pair that comes twice the newest time counts.
    """
    table = np.array([[1, 1, 0, 1], [0, 0, 1, 0]])
    users, items = np.array([0, 0, 0, 1, 0]), np.array([0, 1, 3, 2, 1])
    times = np.array([100, 98, 99, 96, 93]) * DAY
    repeated = Interactions(users, items, np.arange(2), np.arange(4), timestamp=times)
    model = model_of(table, repeated, half_life=2.0)
    expected = np.array([[1, 0.5, 0, 2**-0.5], [0, 0, 0.25, 0]])
    weights = weights_of(model)
    np.testing.assert_allclose(logits_of(model), expected @ weights, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        logits_of(model, training=True), expected @ weights - expected, rtol=1e-5, atol=1e-6
    )


def test_half_lives_are_saved_and_loaded(tmp_path):
    timed = clicks(timestamp=np.arange(TABLE.sum()) * DAY)
    model = model_of(interactions=timed, half_life=3.0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(logits_of(loaded), logits_of(model))


def test_a_half_life_without_times_is_refused():
    with pytest.raises(ValueError, match="`half_life` must be unset where.*half_life=7"):
        model_of(half_life=7.0)
    with pytest.raises(ValueError, match="`half_life` must be above 0"):
        ELSA(2, 2, half_life=0)


def test_corruption_leaves_items_out_and_lets_the_others_count_more():
    """Of many users of one history each draws anew half of the items, and each counts twice.

    Of those that are left, what they add to themselves is taken from their own scores.
    """
    users = 400
    model = model_of(np.ones((users, ITEMS), int), corruption=0.5, seed=1)
    weights = weights_of(model)
    drawn = logits_of(model, training=True)
    # Kept items x in {0, 2}: drawn = x (A A' - I); solve for x
    values = drawn @ np.linalg.inv(weights - np.eye(ITEMS))
    np.testing.assert_allclose(values, np.where(values > 1, 2.0, 0.0), atol=1e-3)
    assert (values > 1).mean() == pytest.approx(0.5, abs=0.05)
    assert (logits_of(model, training=True) != drawn).any()
    np.testing.assert_allclose(logits_of(model), np.ones((users, ITEMS)) @ weights, rtol=1e-5)
