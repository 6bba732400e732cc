"""Data that cannot be trained on, evaluated or predicted: refused in a sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import deca_tf
from deca_tf.backbones import MF
from deca_tf.data import Interactions, Split

INPUTS = {"user_id": np.array([0, 1, 2, 3]), "item_id": np.array([3, 2, 1, 0])}
LABEL = np.array([1.0, 0.0, 0.0, 1.0], np.float32)
ROWS = Interactions(*INPUTS.values(), np.arange(4), np.arange(4))


@pytest.fixture(scope="module")
def model():
    model = deca_tf.DeCAModel(MF(4, 4, embedding_dim=3, embedding_stddev=0.5, seed=1))
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    return model


def calls(model, label):
    """All that take labels, by name."""
    return {
        "fit": lambda: model.fit(INPUTS, label, verbose=0),
        "validation": lambda: model.fit(INPUTS, LABEL, validation_data=(INPUTS, label), verbose=0),
        "evaluate": lambda: model.evaluate(INPUTS, label, verbose=0),
        "train_on_batch": lambda: model.train_on_batch(INPUTS, label),
        "test_on_batch": lambda: model.test_on_batch(INPUTS, label),
    }


every_call = pytest.mark.parametrize("name", calls(None, None))


@every_call
@pytest.mark.parametrize(
    ("label", "received"),
    [
        (np.full(4, 5.0), "4 that are neither, the first is 5.0 at position 0"),
        (np.array([1, 0, -1, 1]), "1 that are neither, the first is -1 at position 2"),
        (np.array([1, np.nan, 0.5, 0]), "2 that are neither, the first is nan at position 1"),
        (lambda: tf.constant([[1.0], [0.0], [0.0], [2.0]]), "1 that .* first is 2.0 at position 3"),
    ],
)
def test_labels_that_are_neither_0_nor_1_are_refused_before_work(name, label, received, model):
    label = label() if callable(label) else label  # no tensor is made while tests are collected
    before = np.array(model.target.user_table)
    expected = f"`y` must be 0 or 1. Received: {received}. Ratings are not labels"
    with pytest.raises(ValueError, match=expected):
        calls(model, label)[name]()
    np.testing.assert_array_equal(np.array(model.target.user_table), before)


@every_call
def test_labels_of_text_are_refused(name, model):
    with pytest.raises(TypeError, match="`y` must be 0 or 1. Received: values of type <U3"):
        calls(model, np.array(["yes", "no", "no", "yes"]))[name]()


@every_call
def test_lists_of_labels_are_refused(name, model):
    with pytest.raises(TypeError, match="`y` must be an array. Received: a list"):
        calls(model, [1, 0, 0, 1])[name]()


@every_call
def test_ids_without_labels_are_refused(name, model):
    with pytest.raises(ValueError, match="`y` must be given .*Received: y=None. .*Interactions"):
        calls(model, None)[name]()


@pytest.mark.parametrize("element", [INPUTS, (INPUTS,)])
def test_datasets_without_labels_are_refused(element, model):
    batches = tf.data.Dataset.from_tensors(element)
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="dataset of `.ids, labels.`. Received: ids without"):
            call(batches, verbose=0)


@every_call
@pytest.mark.parametrize("make", [np.bool_, np.int64, tf.constant])
def test_labels_of_every_kind_of_number_are_taken(name, make, model):
    calls(model, make(LABEL))[name]()


def test_interactions_are_predicted_pair_by_pair_in_order(model):
    found = model.predict(ROWS, verbose=0)
    users, items = np.array(model.target.user_table), np.array(model.target.item_table)
    expected = [users[user] @ items[item] for user, item in zip(*INPUTS.values(), strict=True)]
    assert found.shape == (4,)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(ROWS, batch_size=3, verbose=0), found)


def test_a_whole_split_or_a_file_is_not_predicted(model):
    rows = [ROWS.take([number]) for number in range(3)]
    with pytest.raises(TypeError, match="Received: a whole Split. Give it `split.test`"):
        model.predict(Split(*rows, "clean", "toy"), verbose=0)
    with pytest.raises(TypeError, match="Received: a str 'clicks.csv'.*give it `split.test`"):
        model.predict("clicks.csv", verbose=0)


def test_weights_beside_interactions_are_refused_without_being_printed(model):
    expected = r"Received: `sample_weight` of type ndarray and shape \(4,\). Give each pair"
    with pytest.raises(ValueError, match=expected):
        model.fit(ROWS, sample_weight=np.ones(4), verbose=0)
    with pytest.raises(ValueError, match="Received: `y` of type list and length 4"):
        model.evaluate(ROWS, [1, 1, 1, 1], verbose=0)
