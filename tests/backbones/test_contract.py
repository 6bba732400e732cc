"""What every backbone promises, for every row of the registry."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from deca_tf.backbones import BACKBONES, backbone
from deca_tf.backbones.backbone import Backbone
from deca_tf.testing.backbones import CHECKS, Case

OPTIONS = {  # rows of the registry, and the options that change what they compute
    "cdae": [{}, {"corruption": 0.0}],
    "elsa": [{}, {"corruption": 0.0}],
    "gmf": [{}, {"item_bias": True}, {"item_bias": True, "user_bias": True}, {"cosine": True}],
    "lightgcn": [{}, {"layers": 2}, {"cosine": True, "popularity_bonus": 0.5}],
    "mf": [
        {},
        {"item_bias": True},
        {"user_bias": True},
        {"item_bias": True, "user_bias": True},
        {"cosine": True, "item_bias": True},
        {"cosine": True, "popularity_bonus": 0.5},
    ],
    "neumf": [{}, {"mlp_layers": 1}],
}
CASES = [
    pytest.param(name, options, id="-".join((name, *options)))
    for name in BACKBONES.names
    for options in OPTIONS.get(name, [{}])
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_contract(name, options, check):
    check(Case(name, options))


def test_which_backbones_need_the_data():
    needing = {name for name in BACKBONES.names if Case(name).needs_data}
    assert {"cdae", "lightgcn"} <= needing
    assert not {"mf", "gmf", "neumf"} & needing


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
