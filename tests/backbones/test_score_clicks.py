"""Gradients through clicks and shared candidates are those of their pairs, for every backbone."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from deca_tf.backbones import BACKBONES
from deca_tf.testing._clicks import ITEMS, pairs
from deca_tf.testing.backbones import Case

OPTIONS = {"mf": {"cosine": True, "item_bias": True}, "lightgcn": {"cosine": True}}
CLICKS, POOL = 9, np.array([6, 0, 3, 3], np.int32)


def gradients(model, scores):
    """Of a weighted sum of the clicks' logits and of the candidates'."""
    rng = np.random.default_rng(3)
    with tf.GradientTape() as tape:
        clicks, others = scores()
        total = ops.sum(clicks * rng.normal(size=clicks.shape).astype("float32"))
        total += ops.sum(others * rng.normal(size=others.shape).astype("float32"))
    return [
        tf.convert_to_tensor(gradient)
        for gradient in tape.gradient(
            total, model.trainable_variables, unconnected_gradients="zero"
        )
    ]


@pytest.mark.parametrize("pool", [None, POOL], ids=["whole", "pool"])
@pytest.mark.parametrize("name", BACKBONES.names)
def test_gradients_are_those_of_the_pairs(name, pool):
    model, ids = Case(name, OPTIONS.get(name)).stirred(), pairs(CLICKS)
    users, items = (ops.convert_to_tensor(ids[key]) for key in ("user_id", "item_id"))
    columns = np.arange(ITEMS, dtype=np.int32) if pool is None else pool

    def at_once():
        given = items if pool is None else ops.concatenate([items, pool])
        return model.score_clicks(users, given, None if pool is None else len(pool))

    def by_pairs():
        grid = np.meshgrid(ids["user_id"], columns, indexing="ij")
        others = model({"user_id": grid[0].ravel(), "item_id": grid[1].ravel()})
        return model(ids), ops.reshape(others, (CLICKS, len(columns)))

    for found, expected in zip(gradients(model, at_once), gradients(model, by_pairs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
