"""Ids that are in no table.

An error says which, and how large the table is, wherever they come from.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import MF
from deca_tf.data import Interactions, training_batches, validation_batches
from deca_tf.embeddings.id_ranges import checked, table_sizes
from deca_tf.training import DeCAModel

USERS, ITEMS = 4, 5
LABEL = np.array([1.0, 0.0], np.float32)
BEYOND = (
    r"`user_id` must be in \[0, 4\), the rows of its table. Received: 40. Make the model as large"
)


def pairs(user=40, dtype="int32"):
    return {"user_id": np.array([0, user], dtype), "item_id": np.array([1, 2], dtype)}


def dataset(user=40):
    return tf.data.Dataset.from_tensor_slices((pairs(user), LABEL)).batch(2)


class Sequence(keras.utils.PyDataset):
    def __init__(self, user=40):
        super().__init__()
        self.user = user

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return pairs(self.user), LABEL


def batches(user=40):
    while True:
        yield pairs(user), LABEL


@pytest.fixture(scope="module")
def model():
    model = DeCAModel(MF(USERS, ITEMS, embedding_dim=2))
    model.compile(keras.optimizers.SGD(0.1), jit_compile=True)
    return model


KINDS = {"dataset": dataset, "PyDataset": Sequence, "generator": batches}


@pytest.mark.parametrize("kind", ["arrays", "tensors", *KINDS])
def test_fit_evaluate_and_predict_refuse_them_under_xla(kind, model):
    def given():
        if kind in KINDS:
            return (KINDS[kind](),)
        x = pairs()
        return (
            {name: tf.constant(ids) for name, ids in x.items()} if kind == "tensors" else x,
            LABEL,
        )

    before = [np.array(weight) for weight in model.weights]
    for method, number in ((model.fit, 2), (model.evaluate, 2), (model.predict, 1)):
        steps = {"steps_per_epoch" if method == model.fit else "steps": 1}
        with pytest.raises(ValueError, match=BEYOND):
            method(*given()[:number], verbose=0, **(steps if kind == "generator" else {}))
    assert all(map(np.array_equal, model.weights, before))


def test_validation_data_and_single_batches_are_checked_too(model):
    for validation in (dataset(), (pairs(), LABEL), Sequence()):
        with pytest.raises(ValueError, match=BEYOND):
            model.fit(pairs(1), LABEL, validation_data=validation, verbose=0)
    with pytest.raises(ValueError, match=BEYOND):
        model.train_on_batch(pairs(), LABEL)
    with pytest.raises(ValueError, match=BEYOND):
        model.test_on_batch(pairs(), LABEL)
    with pytest.raises(ValueError, match=BEYOND):
        model.predict_on_batch(pairs())


@pytest.mark.parametrize("kind", KINDS)
def test_ids_within_the_tables_pass_with_all_batches(kind, model):
    options = {"steps": 3} if kind == "generator" else {}
    assert len(model.predict(KINDS[kind](3), verbose=0, **options)) == (6 if options else 2)


def test_a_backbone_by_itself_refuses_them_under_xla():
    backbone = MF(USERS, ITEMS, embedding_dim=2)
    backbone.compile(jit_compile=True)
    with pytest.raises(ValueError, match=BEYOND):
        backbone.predict(pairs(), verbose=0)
    with pytest.raises(ValueError, match=BEYOND):
        backbone.predict(dataset(), verbose=0)


def test_ids_below_0_of_other_kinds_and_without_names_are_refused(model):
    with pytest.raises(ValueError, match="Received: -1. Make the model"):
        model.predict(pairs(-1), verbose=0)
    with pytest.raises(ValueError, match="Received: -1. Make the model"):
        model.predict(dataset(-1), verbose=0)
    for dtype, name in (("float32", "float32"), ("U", "str")):
        with pytest.raises(
            TypeError, match=f"must hold integers. Received: {name}.*deca_tf.load_split"
        ):
            model.predict(pairs(1, dtype), verbose=0)
    with pytest.raises(ValueError, match="`x` must hold 'user_id' and 'item_id'. Received: 'user'"):
        model.predict({"user": np.zeros(2, int)}, verbose=0)
    with pytest.raises(TypeError, match="begin with TensorSpec"):
        model.predict(tf.data.Dataset.from_tensors(np.zeros(2, int)), verbose=0)


def test_batches_of_interactions_are_not_looked_at_again_unless_they_are_of_a_larger_data_set(
    model,
):
    own = Interactions([0, 1, 2], [0, 1, 2], np.arange(USERS), np.arange(ITEMS))
    larger = Interactions([0, 1, 2], [0, 1, 2], np.arange(USERS + 1), np.arange(ITEMS))
    sizes = table_sizes(model.target)
    for made in (training_batches(own), validation_batches(own)):
        for given in (made, made.repeat().take(3).prefetch(1)):
            assert checked(given, sizes) is given
        assert checked(made.map(lambda *batch: batch), sizes) is not made
    with pytest.raises(
        ValueError, match=r"must be in \[0, 4\).*Received: batches of ids in \[0, 5\)"
    ):
        model.fit(training_batches(larger), verbose=0)


def test_tables_of_a_functional_model_are_found_by_its_embeddings():
    inputs = {name: keras.Input((), name=name, dtype="int32") for name in ("user_id", "item_id")}
    users = keras.layers.Embedding(USERS, 2)(inputs["user_id"])
    items = keras.layers.Embedding(ITEMS, 2)(inputs["item_id"])
    target = keras.Model(inputs, keras.ops.sum(users * items, axis=-1))
    assert table_sizes(target) == {"user_id": USERS, "item_id": ITEMS}
    model = DeCAModel(target)
    model.compile("sgd", jit_compile=True)
    with pytest.raises(ValueError, match=BEYOND):
        model.predict(pairs(), verbose=0)
