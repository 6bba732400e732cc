"""Targets that cannot be trained are refused when the `DeCAModel` is made, with what to do."""

import keras
import numpy as np
import pytest

from deca_tf.backbones import CDAE, MF
from deca_tf.denoisers import DeCA, Ensemble
from deca_tf.training import DeCAModel

USERS, ITEMS = 7, 9


def functional(end=None, names=("user_id", "item_id"), dtype="int32", items=ITEMS):
    inputs = {name: keras.Input((), name=name, dtype=dtype) for name in names}
    tables = [
        keras.layers.Embedding(size, 4)(ids)
        for size, ids in zip((USERS, items), inputs.values(), strict=True)
    ]
    hidden = keras.layers.Dropout(0.5)(keras.layers.Concatenate()(tables))
    return keras.Model(inputs, (end or whole)(hidden))


def whole(hidden):
    return keras.layers.Reshape(())(keras.layers.Dense(1)(hidden))


def test_logits_of_one_column_are_refused_with_the_layer_that_takes_it_away():
    expected = (
        r"`target` must map .*to logits \(batch,\). Received: shape \(batch, 1\). End it with "
        r"`keras.layers.Reshape\(\(\)\)`."
    )
    with pytest.raises(ValueError, match=expected):
        DeCAModel(functional(keras.layers.Dense(1)))
    DeCAModel(functional())


@pytest.mark.parametrize(
    ("end", "received"),
    [
        (keras.layers.Dense(2), r"Received: shape \(batch, 2\)"),
        (lambda hidden: {"logits": whole(hidden)}, "Received: a dict"),
        (lambda hidden: keras.ops.sum(hidden), r"Received: shape \(\)"),
        (lambda hidden: keras.ops.argmax(hidden, axis=-1), "floats. Received: int"),
        (lambda hidden: keras.ops.log(whole(hidden) - 1e3), "Received: NaN"),
    ],
)
def test_answers_that_are_no_logits_are_refused(end, received):
    with pytest.raises(ValueError, match=received):
        DeCAModel(functional(end))


@pytest.mark.parametrize(
    "end",
    [
        lambda hidden: keras.layers.Reshape(())(keras.layers.Dense(1, "sigmoid")(hidden)),
        lambda hidden: keras.layers.Activation("sigmoid")(whole(hidden)),
    ],
)
def test_a_last_layer_that_makes_probabilities_is_refused(end):
    expected = "must answer with logits.*with activation 'sigmoid'. Leave the activation out"
    with pytest.raises(ValueError, match=expected):
        DeCAModel(functional(end))


def test_other_names_of_inputs_are_refused():
    expected = "inputs named 'user_id' and 'item_id'. Received: inputs named 'movie', 'viewer'"
    with pytest.raises(ValueError, match=expected):
        DeCAModel(functional(names=("viewer", "movie")))


def test_a_sequential_is_refused():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="Received: a keras.Sequential, which takes one input"):
        DeCAModel(model)


def test_ids_as_floats_are_refused():
    with pytest.raises(ValueError, match="integer ids.*input 'user_id' of dtype float32"):
        DeCAModel(functional(dtype="float32"))


class Sized(keras.Model):
    """Says that it has more users than its table holds."""

    def __init__(self, num_users, **options):
        super().__init__(**options)
        self.num_users, self.num_items = num_users, ITEMS
        self.table = self.add_weight(name="table", shape=(USERS, 1))

    def call(self, inputs):
        return keras.ops.take(self.table, inputs["user_id"], axis=0)[:, 0]


def test_tables_that_are_smaller_than_the_model_says_are_refused():
    DeCAModel(Sized(USERS))
    with pytest.raises(
        ValueError, match="must take all ids below its `num_users`.*last ids, 19, 8"
    ):
        DeCAModel(Sized(20))


def test_a_model_that_takes_other_inputs_is_refused_with_its_own_words():
    class Odd(keras.Model):
        def call(self, inputs):
            return inputs["viewer"]

    with pytest.raises(ValueError, match="a model that fails at them with KeyError: viewer"):
        DeCAModel(Odd())


def test_networks_of_the_denoiser_are_checked_by_their_names():
    networks = [MF(USERS, ITEMS, seed=seed) for seed in (2, 3)]
    with pytest.raises(ValueError, match=r"`auxiliary` must map .*shape \(batch, 1\)"):
        DeCAModel(MF(USERS, ITEMS), DeCA(functional(keras.layers.Dense(1)), *networks))


@pytest.mark.parametrize("policy", ["mixed_float16", "float16"])
def test_half_precision_is_refused(policy):
    with pytest.raises(
        ValueError, match=f"must not compute in float16.*{policy}.*'mixed_bfloat16'"
    ):
        DeCAModel(MF(USERS, ITEMS, dtype=policy))
    with pytest.raises(ValueError, match="must not compute in float16"):
        DeCAModel(functional(keras.layers.Dense(1, dtype=policy)))


def test_models_of_keras_2_are_refused_by_name():
    other = type("Model", (), {"__module__": "tf_keras.src.engine.training"})()
    with pytest.raises(
        TypeError, match="Keras 2, which `tf.keras` is.*Make the model with `import keras`"
    ):
        DeCAModel(other)


def test_checks_change_neither_weights_nor_random_states():
    target = functional()
    kept = [np.array(variable) for variable in target.variables]
    assert len(kept) > len(target.weights) - 1
    DeCAModel(target)
    for variable, before in zip(target.variables, kept, strict=True):
        np.testing.assert_array_equal(variable, before)


def test_backbones_that_must_see_the_training_data_first_pass():
    class Own(CDAE):
        pass

    DeCAModel(Own(USERS, ITEMS))


@pytest.mark.parametrize(
    ("denoiser", "received"),
    [
        ("deca", r"denoiser='deca' of type str. Write `deca_tf.denoisers.DeCA\(\)`"),
        (DeCA, r"of type type. Call the class: `DeCA\(\)`"),
        ({"c1": 3}, "of type dict.$"),
    ],
)
def test_what_is_no_denoiser_is_refused(denoiser, received):
    expected = rf"must be a Denoiser such as deca_tf.denoisers.DeCA\(\). Received: .*{received}"
    with pytest.raises(TypeError, match=expected):
        DeCAModel(MF(USERS, ITEMS), denoiser)


@pytest.mark.parametrize(("make", "role"), [(DeCA, "auxiliary"), (Ensemble, "partner")])
def test_what_is_no_model_is_refused_as_a_denoiser_s_network(make, role):
    for given, kind in (("mf", "str"), (DeCA, "type"), (DeCA(), "DeCA")):
        with pytest.raises(TypeError, match=f"`{role}` must be a keras.Model .* of type {kind}.$"):
            make(given)
    with pytest.raises(TypeError, match=r"Call the class: `MF\(...\)`"):
        make(MF)


def test_one_network_in_two_places_is_refused():
    target, other, third = (MF(USERS, ITEMS, seed=seed) for seed in range(3))
    for denoiser, places in (
        (DeCA(other, other, other), "`auxiliary` and `likelihood_if_negative`"),
        (DeCA(other, third, target), "`target` and `likelihood_if_positive`"),
        (Ensemble(target), "`target` and `partner`"),
    ):
        with pytest.raises(ValueError, match=f"{places} must be different networks"):
            DeCAModel(target, denoiser)
    DeCAModel(target, DeCA(other, third))
