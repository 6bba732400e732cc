"""Dtype policies of Keras.

Bfloat16 beside float32 weights, and float64; losses are worked out in float32 in both.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import BACKBONES, MF
from deca_tf.data import Interactions, training_batches
from deca_tf.denoisers import DeCA
from deca_tf.optimizers import Adam, LazyAdam
from deca_tf.training import DeCAModel

USERS, ITEMS = 6, 7
SIZES = {"num_users": USERS, "num_items": ITEMS}
POLICIES = {"mixed_bfloat16": "float32", "float64": "float64"}


@pytest.fixture(scope="module")
def interactions():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, 16, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def train(backbone, interactions, optimizer=None, **options):
    """One step of DeCA, whose own networks have the target's policy too."""
    backbone.adapt(interactions)
    networks = (
        MF(**SIZES, embedding_dim=3, seed=s, dtype=backbone.dtype_policy) for s in (2, 3, 4)
    )
    model = DeCAModel(backbone, DeCA(*networks, c1=10, c2=10), l2=0.1)
    model.compile(optimizer or Adam(0.01), **(options or {"run_eagerly": True}))
    batches = training_batches(interactions, batch_size=16, updates_per_step=1)
    return model, model.fit(batches, verbose=0).history["loss"][0]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", BACKBONES.names)
def test_every_backbone_trains_evaluates_and_is_saved(name, policy, interactions, tmp_path):
    def build(dtype):
        return BACKBONES.build(name, options={"embedding_dim": 3}, **SIZES, seed=1, dtype=dtype)

    model, loss = train(build(policy), interactions)
    assert np.isfinite(loss)
    if policy == "mixed_bfloat16":  # the same initial weights, and three digits of their products
        assert loss == pytest.approx(train(build("float32"), interactions)[1], rel=1e-2)
    assert {weight.dtype for weight in model.target.trainable_variables} == {POLICIES[policy]}
    users = np.arange(USERS, dtype=np.int32)
    scores = np.array(model.recommender.score_all_items(users))
    assert scores.dtype == POLICIES[policy]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.target.dtype_policy.name == policy
    np.testing.assert_array_equal(np.array(loaded.recommender.score_all_items(users)), scores)


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"jit_compile": False}], ids=str)
@pytest.mark.parametrize("policy", POLICIES)
def test_in_the_graph_and_under_xla_as_step_by_step(policy, options, interactions):
    models = [
        train(
            MF(**SIZES, embedding_dim=3, item_bias=True, seed=1, dtype=policy), interactions, **way
        )
        for way in (options, {})
    ]
    assert models[0][1] == pytest.approx(models[1][1], rel=1e-3)


@pytest.mark.slow
def test_tables_move_by_rows_as_well(interactions):
    backbone = MF(**SIZES, embedding_dim=3, seed=1, dtype="mixed_bfloat16")
    before = np.array(backbone.user_table)
    _, loss = train(backbone, interactions, LazyAdam(0.01), jit_compile=False)
    assert np.isfinite(loss)
    assert not np.array_equal(backbone.user_table, before)


def test_the_policy_of_the_whole_program_is_taken(interactions):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, loss = train(MF(**SIZES, embedding_dim=3, seed=1), interactions)
    finally:
        keras.config.set_dtype_policy(before)
    assert model.target.compute_dtype == "bfloat16"
    assert np.isfinite(loss)


@pytest.mark.parametrize("name", ["mf", "gmf", "neumf"])
def test_rows_are_cast_and_no_table(name):
    """2,000 rows of which 4 are asked for: nothing of 2,000 rows may be cast."""
    backbone = BACKBONES.build(
        name, num_users=2000, num_items=2000, options={"embedding_dim": 3}, dtype="mixed_bfloat16"
    )
    ids = tf.TensorSpec((4,), tf.int32)
    graph = (
        tf.function(lambda inputs: backbone(inputs))
        .get_concrete_function({"user_id": ids, "item_id": ids})
        .graph
    )
    cast = [
        operation.outputs[0] for operation in graph.get_operations() if operation.type == "Cast"
    ]
    assert {output.dtype for output in cast} == {tf.bfloat16, tf.float32}
    assert not any(2000 in output.shape.as_list() for output in cast)
