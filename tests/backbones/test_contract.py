"""What every backbone promises, for every row of the registry."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from deca_tf.backbones import BACKBONES, backbone
from deca_tf.backbones.backbone import Backbone
from deca_tf.data import Interactions

USERS, ITEMS = 5, 7
OPTIONS = {  # rows of the registry, and the options that change what they compute
    "cdae": [{}, {"corruption": 0.0}],
    "gmf": [{}, {"item_bias": True}, {"item_bias": True, "user_bias": True}],
    "lightgcn": [{}, {"layers": 2}],
    "mf": [{}, {"item_bias": True}, {"user_bias": True}, {"item_bias": True, "user_bias": True}],
    "neumf": [{}, {"mlp_layers": 1}],
}
CASES = [
    pytest.param(name, options, id="-".join((name, *options)))
    for name in BACKBONES.names
    for options in OPTIONS.get(name, [{}])
]
every_backbone = pytest.mark.parametrize(("name", "options"), CASES)


NEED_DATA = ("cdae", "lightgcn")  # which cannot be called before `adapt`


def history(num_users=USERS, num_items=ITEMS):
    """Some interactions of all users but the first."""
    grid = np.random.default_rng(0).random((num_users, num_items)) < 0.4
    grid[0], grid[1:, 0] = False, True
    users, items = np.nonzero(grid)
    return Interactions(
        users.astype(np.int32), items.astype(np.int32), np.arange(num_users), np.arange(num_items)
    )


def unadapted(name, options, seed=1, **sizes):
    sizes = {"num_users": USERS, "num_items": ITEMS, **sizes}
    return BACKBONES.build(name, options={"embedding_dim": 4, **options}, seed=seed, **sizes)


def build(name, options, seed=1, **sizes):
    model = unadapted(name, options, seed, **sizes)
    model.adapt(history(model.num_users, model.num_items))
    return model


def stirred(name, options):
    """A backbone whose biases are not zero, as after training, so that none of them goes unnoticed."""
    model = build(name, options)
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return model


def pairs(*shape):
    rng = np.random.default_rng(0)
    return {
        "user_id": rng.integers(0, USERS, shape).astype(np.int32),
        "item_id": rng.integers(0, ITEMS, shape).astype(np.int32),
    }


@every_backbone
def test_logits_have_the_shape_of_the_ids(name, options):
    model = stirred(name, options)
    groups = pairs(6, 3)
    logits = np.array(model(groups))
    assert logits.shape == (6, 3)
    assert logits.dtype == np.float32
    flat = np.array(model({key: ids.reshape(-1) for key, ids in groups.items()}))
    assert flat.shape == (18,)
    np.testing.assert_allclose(flat, logits.reshape(-1), atol=1e-6)


@every_backbone
def test_is_built_with_all_its_weights_as_soon_as_it_exists(name, options):
    model = build(name, options)
    assert model.built
    before = [weight.path for weight in model.weights]
    model(pairs(3))
    assert [weight.path for weight in model.weights] == before
    assert before


@every_backbone
def test_score_of_all_items_is_the_logit_of_each(name, options):
    model = stirred(name, options)
    users = np.array([4, 0, 4], np.int32)
    scores = np.array(model.score_all_items(ops.convert_to_tensor(users)))
    grid = {
        "user_id": np.repeat(users, ITEMS),
        "item_id": np.tile(np.arange(ITEMS, dtype=np.int32), 3),
    }
    assert scores.shape == (3, ITEMS)
    np.testing.assert_allclose(scores.ravel(), np.array(model(grid)), rtol=1e-5, atol=1e-6)


@every_backbone
def test_dot_product_of_the_embeddings_is_the_logit(name, options):
    model = stirred(name, options)
    ids = pairs(20)
    if not model.is_factorized:
        with pytest.raises(
            NotImplementedError, match=f"{type(model).__name__}'s score is no dot product"
        ):
            model.query_embedding(ids["user_id"])
        return
    query = np.array(model.query_embedding(ids["user_id"]))
    candidate = np.array(model.candidate_embedding(ids["item_id"]))
    assert query.shape == candidate.shape
    np.testing.assert_allclose(
        (query * candidate).sum(-1), np.array(model(ids)), rtol=1e-5, atol=1e-6
    )


@every_backbone
def test_keras_file_gives_back_the_same_model(name, options, tmp_path):
    model = stirred(name, options)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(np.array(loaded(pairs(20))), np.array(model(pairs(20))))


@every_backbone
def test_config_gives_back_the_arguments_and_with_them_the_initial_weights(name, options):
    model = build(name, options, seed=3)
    config = model.get_config()
    arguments = {"num_users": USERS, "num_items": ITEMS, "seed": 3, "embedding_dim": 4, **options}
    assert {key: config[key] for key in arguments} == arguments
    again = type(model).from_config(config)
    assert again.get_config() == config
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in again.weights]
    for weight, other in zip(model.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_array_equal(np.array(weight), np.array(other))


@every_backbone
def test_options_that_can_be_set_are_in_the_config(name, options):
    model = build(name, options)
    assert set(BACKBONES.options(name)) <= set(model.get_config())


@every_backbone
def test_seed_fixes_the_initial_weights(name, options):
    one, same, other = (build(name, options, seed=seed) for seed in (1, 1, 2))
    trained = (model.trainable_variables for model in (one, same, other))
    for weight, equal, different in zip(*trained, strict=True):
        np.testing.assert_array_equal(np.array(weight), np.array(equal))
        if np.array(weight).any():  # biases start at zero whatever the seed
            assert (np.array(weight) != np.array(different)).all()


@every_backbone
def test_users_and_items_of_equal_ids_start_with_different_vectors(name, options):
    model = build(name, options, num_users=6, num_items=6)
    trained = [np.array(weight) for weight in model.trainable_variables]
    tables = [weight for weight in trained if weight.shape[0] == 6 and weight.any()]
    assert len(tables) >= 2
    for number, left in enumerate(tables):
        assert not any(
            (left == right).any() for right in tables[:number] if left.shape == right.shape
        )


@every_backbone
@pytest.mark.parametrize("argument", ["num_users", "num_items", "embedding_dim"])
@pytest.mark.parametrize("size", [0, -3, 2.5, "4", None, True])
def test_sizes_that_are_no_positive_integers_are_refused(name, options, argument, size):
    arguments = {"num_users": USERS, "num_items": ITEMS, **options, argument: size}
    with pytest.raises(
        ValueError, match=f"`{argument}` must be an integer of at least 1. Received: {argument}="
    ):
        BACKBONES.load(name)(**arguments)


@every_backbone
def test_sizes_of_any_integer_type_are_taken(name, options):
    model = build(name, options, num_users=np.int64(5), num_items=7.0)
    assert np.array(model(pairs(4))).shape == (4,)
    keras.saving.serialize_keras_object(model)  # JSON knows no NumPy integers
    assert type(model.get_config()["num_users"]) is int


@every_backbone
def test_negative_seed_is_refused(name, options):
    with pytest.raises(
        ValueError, match="`seed` must be an integer of at least 0. Received: seed=-1"
    ):
        build(name, options, seed=-1)


@pytest.mark.parametrize("name", NEED_DATA)
def test_a_backbone_that_needs_the_data_says_so(name):
    model = BACKBONES.build(name, num_users=USERS, num_items=ITEMS)
    with pytest.raises(RuntimeError, match=r"`model.adapt\(split.train\)`"):
        model.query_embedding(np.array([0], np.int32))


@every_backbone
def test_the_others_do_not_change_by_it(name, options):
    model = unadapted(name, options)
    learning = [weight.name for weight in model.trainable_variables]
    if name not in NEED_DATA:
        before = [*map(np.array, model.weights), np.array(model(pairs(20)))]
        model.adapt(history())
        after = [*map(np.array, model.weights), np.array(model(pairs(20)))]
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(new, old)
    assert [weight.name for weight in build(name, options).trainable_variables] == learning


@every_backbone
def test_adapting_once_more_changes_nothing(name, options, tmp_path):
    """Weights left over from the first time would be in the file, which then could not be loaded."""
    model = stirred(name, options)
    expected = np.array(model(pairs(20)))
    model.adapt(history())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.adapt(history())
    np.testing.assert_array_equal(np.array(loaded(pairs(20))), expected)


@pytest.mark.parametrize("name", NEED_DATA)
def test_other_data_than_was_adapted_to_is_refused(name):
    with pytest.raises(
        ValueError,
        match=f"have the backbone's `num_items`, {ITEMS}.*interactions.num_items={ITEMS + 1}",
    ):
        unadapted(name, {}).adapt(history(num_items=ITEMS + 1))
    with pytest.raises(
        ValueError, match=r"has adapted to, \d+ pairs. Received: 3 pairs. Make a new backbone"
    ):
        build(name, {}).adapt(history().take(slice(3)))


@every_backbone
def test_scores_do_not_depend_on_who_else_is_asked_about(name, options):
    model = stirred(name, options)
    ids = pairs(20)
    alone = [
        np.array(model({key: value[row : row + 1] for key, value in ids.items()}))[0]
        for row in range(20)
    ]
    np.testing.assert_allclose(alone, np.array(model(ids)), rtol=1e-5, atol=1e-6)


@every_backbone
def test_a_batch_of_most_pairs_has_the_logits_and_gradients_of_its_pairs(
    name, options, monkeypatch
):
    model, inputs = stirred(name, options), pairs(40)
    weights = np.random.default_rng(2).normal(size=40)
    found = []
    for least in (
        backbone.LEAST_PAIRS,
        1,
    ):  # by pairs, then by products of whole tables where there is such a way
        monkeypatch.setattr(backbone, "LEAST_PAIRS", least)
        with tf.GradientTape() as tape:
            logits = model(inputs)
            loss = ops.sum(logits * weights)
        gradients = tape.gradient(loss, model.trainable_variables)
        found.append(
            [
                np.asarray(logits),
                *(np.asarray(tf.convert_to_tensor(gradient)) for gradient in gradients),
            ]
        )
    for by_pairs, by_products in zip(*found, strict=True):
        np.testing.assert_allclose(by_products, by_pairs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("pairs", "users", "items", "expected"),
    [
        (2**15, 1024, 1024, True),
        (2**15, 1024, 1025, False),
        (2**14, 10, 10, False),
        (159_238, 944, 1611, True),
    ],
)
def test_products_of_whole_tables_are_for_batches_of_most_pairs(pairs, users, items, expected):
    ids = tf.TensorSpec((pairs // 2, 2), tf.int32)
    assert backbone.asks_for_most_cells(ids, users, items) == expected
    assert not backbone.asks_for_most_cells(tf.TensorSpec((None,), tf.int32), users, items)


def test_every_row_is_a_backbone_with_a_docstring():
    for name in BACKBONES.names:
        cls = BACKBONES.load(name)
        assert issubclass(cls, Backbone)
        assert cls.__doc__.strip()


def test_backbone_without_embeddings_scores_all_items_by_calling_itself():
    class Distance(Backbone):
        """Minus the distance of the ids: no dot product."""

        def call(self, inputs):
            return -ops.cast(ops.abs(inputs["user_id"] - inputs["item_id"]), "float32")

    model = Distance(3, 4)
    assert not model.is_factorized
    with pytest.raises(
        NotImplementedError, match="Distance's score is no dot product. Use `score_all_items`"
    ):
        model.candidate_embedding(np.array([0]))
    scores = np.array(model.score_all_items(ops.convert_to_tensor([2, 0], dtype="int32")))
    np.testing.assert_array_equal(scores, [[-2, -1, 0, -1], [0, -1, -2, -3]])
