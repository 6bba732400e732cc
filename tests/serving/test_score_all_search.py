"""The search by all scores.

Memory does not grow with the batch, and what cannot be shipped is refused.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from deca_tf.backbones import Backbone
from deca_tf.serving import _score_all_search as score_all_search
from deca_tf.serving import export
from deca_tf.serving._score_all_search import ScoreAllSearch


class Cells(Backbone):
    """Scores that are read off a matrix; notes in the graph how many users were scored at once."""

    def __init__(self, scores):
        super().__init__(*scores.shape)
        self.scores = self.add_table("scores", scores.shape)
        self.scores.assign(scores)
        self.most_at_once = self.add_weight(
            name="most_at_once", shape=(), dtype="int32", trainable=False
        )

    def score_all_items(self, user_ids):
        self.most_at_once.assign(ops.maximum(self.most_at_once, tf.size(user_ids)))
        return ops.take(self.scores, user_ids, axis=0)


@pytest.fixture
def cells():
    """Scores of 20 users and 12 items with many ties."""
    return np.random.default_rng(0).integers(0, 5, (20, 12)).astype(np.float32)


@pytest.mark.parametrize("pairs, most", [(1, 1), (40, 3), (10**6, 64)])
def test_users_are_scored_few_at_a_time(pairs, most, cells, monkeypatch):
    monkeypatch.setattr(score_all_search, "_PAIRS", pairs)
    known, popularity = np.arange(21) % 4 > 0, np.arange(12)[::-1]
    target = Cells(cells)
    find = ScoreAllSearch(target, known, popularity)
    best = tf.function(
        find.best, input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)]
    )
    table = np.where(known[:, None], np.append(cells, cells[-1:], axis=0), popularity)
    for size in (0, 1, 2, 3, 4, 7, 64):
        target.most_at_once.assign(0)
        rows = np.random.default_rng(size).integers(0, 21, size).astype(np.int32)
        scores, items = best(rows, 5)
        expected = np.argsort(-table[rows], axis=1, kind="stable")[:, :5]
        np.testing.assert_array_equal(items, expected)
        np.testing.assert_array_equal(scores, np.take_along_axis(table[rows], expected, axis=1))
        # Evenly filled: of 4 users, where 3 fit, 2 and 2.
        limit = max(1, min(size, most))
        parts = max(1, -(-size // limit))
        assert int(target.most_at_once) == max(1, -(-size // parts))


def test_one_part_at_a_time_is_in_memory(split, make_target, tmp_path):
    graph = (
        tf.saved_model.load(str(export(make_target("neumf"), split, tmp_path)))
        .signatures["serving_default"]
        .graph
    )
    definition = graph.as_graph_def()
    nodes = [
        *definition.node,
        *(node for function in definition.library.function for node in function.node_def),
    ]
    loops = [
        node.attr["parallel_iterations"].i
        for node in nodes
        if node.op in ("While", "StatelessWhile")
    ]
    assert loops == [1, 1]  # parts of the batch, and the users of a part


class InNumPy(Backbone):
    def score_all_items(self, user_ids):
        return np.zeros((len(user_ids), self.num_items))


class InPython(Backbone):
    def score_all_items(self, user_ids):
        scores = tf.py_function(
            lambda ids: tf.zeros((len(ids), self.num_items)), [user_ids], tf.float32
        )
        return tf.ensure_shape(scores, (None, self.num_items))


class Transposed(Backbone):
    def score_all_items(self, user_ids):
        return tf.zeros((self.num_items, tf.size(user_ids)))


class Lengths(Backbone):
    def score_all_items(self, user_ids):
        return tf.zeros((tf.size(user_ids),))


@pytest.mark.parametrize(
    "kind, match",
    [
        (InNumPy, "must be traceable into a graph: TensorFlow or keras.ops, no NumPy.*target=<InNumPy.*, which raised"),
        (InPython, "must run without Python to be exported.*Received: target=<InPython.*whose graph holds EagerPyFunc"),
        (Transposed, r"must return shape \(batch, num_items\), \(None, 50\).*Received: .*which returned \(50, None\)"),
        (Lengths, r"must return shape \(batch, num_items\).*which returned \(None,\)"),
    ],
)  # fmt: skip
def test_scores_that_cannot_be_shipped_are_refused(kind, match, split, tmp_path):
    with pytest.raises(ValueError, match=match):
        export(kind(split.num_users, split.num_items), split, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_scores_of_half_precision_are_taken(cells):
    class Half(Cells):
        def score_all_items(self, user_ids):
            return ops.cast(super().score_all_items(user_ids), "bfloat16")

    scores, _ = ScoreAllSearch(Half(cells), np.ones(21, bool), np.zeros(12)).best(
        tf.constant([3]), tf.constant(12)
    )
    assert scores.dtype == tf.float32
    np.testing.assert_array_equal(scores[0], -np.sort(-cells[3]))


def test_the_weights_are_those_that_the_scores_read():
    inputs = {name: keras.Input((), dtype="int32", name=name) for name in ("user_id", "item_id")}
    vectors = keras.layers.Embedding(3, 1)(inputs["user_id"]) * keras.layers.Embedding(4, 1)(
        inputs["item_id"]
    )
    model = keras.Model(inputs, vectors[:, 0])
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    found = ScoreAllSearch(model, np.ones(4, bool), np.ones(4)).weights
    assert {id(weight) for weight in found} == {id(weight.value) for weight in model.weights}
