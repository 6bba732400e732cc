"""`fit` on `Interactions`: its batches, and what it refuses.

That it runs as README has it is tested in tests/docs/test_python_blocks.py.
"""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest

import deca_tf
from deca_tf.backbones import CDAE, GMF, LightGCN
from deca_tf.data import training_batches, training_batches_by_user, validation_batches
from deca_tf.denoisers import PLD, CrossEntropy, DeCALimit
from deca_tf.training.deca_model import DeCAModel

SIZES = {"num_users": 80, "num_items": 50, "num_clicks": 500}


@pytest.fixture(scope="module")
def split():
    return deca_tf.load_split("synthetic", **SIZES)


def target(split, cls=GMF, **options):
    return cls(split.num_users, split.num_items, embedding_dim=4, **{"seed": 1, **options})


def compiled(model, **options):
    model.compile(keras.optimizers.Adam(0.01), **(options or {"run_eagerly": True}))
    return model


def fit(model, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return model.fit(*args, verbose=0, **options).history


def assert_same_weights(one, other):
    for weight, expected in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.array(weight), np.array(expected))


# Its batches


@pytest.mark.parametrize("options", [{"batch_size": 48}, {"batch_size": 48, "seed": 5}])
def test_batches_are_those_of_the_denoisers_phases_and_the_targets_seed(options, split):
    models = [compiled(DeCAModel(target(split), DeCALimit(100, 10))) for _ in range(2)]
    fit(models[0], split.train, epochs=2, num_negatives=2, exclude_observed=True, **options)
    batches = training_batches(
        split.train,
        updates_per_step=2,
        num_negatives=2,
        exclude_observed=True,
        **{"seed": 1, **options},
    )
    fit(models[1], batches, epochs=2)
    assert_same_weights(*models)


def test_a_small_table_is_not_one_batch_where_no_size_is_given(split):
    model = compiled(DeCAModel(target(split)))
    fit(model, split.train)
    assert int(model.optimizer.iterations) >= 8


def test_a_second_fit_and_initial_epoch_go_on_with_the_epochs_that_follow(split):
    through, twice, jumped = (compiled(DeCAModel(target(split), DeCALimit())) for _ in range(3))
    fit(through, split.train, epochs=3, batch_size=64)
    fit(twice, split.train, epochs=2, batch_size=64)
    fit(twice, split.train, epochs=1, batch_size=64)
    fit(jumped, split.train, epochs=1, batch_size=64)
    fit(jumped, split.train, epochs=3, initial_epoch=1, batch_size=64)
    assert_same_weights(twice, through)
    assert_same_weights(jumped, through)


def test_steps_per_epoch_cuts_the_stream_elsewhere(split):
    whole, cut = (compiled(DeCAModel(target(split))) for _ in range(2))
    steps = round(len(split.train) / 64)
    fit(whole, split.train, epochs=3, batch_size=64)
    fit(cut, split.train, epochs=steps, batch_size=64, steps_per_epoch=2)
    fit(cut, split.train, epochs=2 * steps, initial_epoch=steps, batch_size=64, steps_per_epoch=1)
    assert int(cut.optimizer.iterations) == 3 * steps == int(whole.optimizer.iterations)
    seen = compiled(DeCAModel(target(split)))
    fit(seen, split.train, epochs=2, batch_size=64, steps_per_epoch=steps)
    fit(seen, split.train, epochs=3, initial_epoch=2, batch_size=64)
    assert_same_weights(seen, whole)


def test_validation_data_may_be_interactions_too(split):
    model = compiled(DeCAModel(target(split)))
    history = fit(model, split.train, validation_data=split.validation)
    expected = model.evaluate(validation_batches(split.validation, seed=1), verbose=0)
    assert history["val_loss"] == pytest.approx([expected], rel=1e-6)
    assert model.evaluate(split.validation, verbose=0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("cls", [CDAE, LightGCN])
def test_a_target_that_must_know_the_data_is_given_it_and_whole_users_if_it_wants_them(cls, split):
    model, explicit = (compiled(DeCAModel(target(split, cls))) for _ in range(2))
    fit(model, split.train)
    explicit.target.adapt(split.train)
    if cls is CDAE:
        batches = training_batches_by_user(split.train, users_per_batch=256, seed=1)
    else:
        batches = training_batches(split.train, batch_size=32, seed=1)
    fit(explicit, batches)
    for weight, expected in zip(model.weights, explicit.weights, strict=True):
        np.testing.assert_allclose(np.array(weight), np.array(expected), atol=1e-6)


def test_a_denoiser_that_must_know_the_data_is_given_it(split, tmp_path):
    model = compiled(DeCAModel(target(split), PLD(warm_up_epochs=1)))
    with pytest.raises(ValueError, match="PLD must know the training pairs"):
        model.fit(training_batches(split.train, batch_size=64), verbose=0)
    fit(model, split.train, epochs=2)
    assert np.array(model.denoiser.loss_of_pair).any()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_same_weights(loaded, model)
    with pytest.raises(ValueError, match="must be those that the denoiser has adapted to"):
        fit(loaded, split.validation)


# How steps are executed


class Counts(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.batches = batch + 1


def test_many_steps_run_at_once_unless_that_is_set_or_a_callback_looks_at_batches(split):
    asked = []
    inside = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: asked.append(model.steps_per_execution)
    )
    for options, callbacks in (({}, []), ({"steps_per_execution": 2}, []), ({}, [Counts()])):
        model = compiled(DeCAModel(target(split)), jit_compile=False, **options)
        before = model.steps_per_execution
        fit(model, split.train, epochs=4, batch_size=50, callbacks=[inside, *callbacks])
        assert model.steps_per_execution == before
        assert int(model.optimizer.iterations) == 4 * 8
    assert asked == [8] * 4 + [2] * 4 + [1] * 4
    assert callbacks[0].batches == 8


def test_models_that_trained_many_steps_at_once_go_on_with_batches_of_ones_own(split):
    models = [compiled(DeCAModel(target(split)), jit_compile=False) for _ in range(2)]
    for model in models:
        if model is models[0]:
            fit(model, split.train, batch_size=50, epochs=2, validation_data=split.validation)
        else:
            fit(model, training_batches(split.train, batch_size=50, seed=1), epochs=2)
        fit(model, training_batches(split.train, batch_size=50, seed=7), epochs=2)
    for one, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), atol=1e-6)
    evaluated = [model.evaluate(split.validation, verbose=0) for model in models]
    assert evaluated[0] == pytest.approx(evaluated[1], rel=1e-5)


def test_a_target_that_xla_cannot_compile_runs_without_it_and_keras_says_so(split):
    model = DeCAModel(target(split, LightGCN))
    with pytest.warns(UserWarning, match="Proceeding with `jit_compile=False`"):
        model.compile(keras.optimizers.Adam(0.01), jit_compile=True)
    assert not model.jit_compile
    fit(model, split.train, steps_per_epoch=2)


def test_datasets_are_trained_on_without_a_warning(split):
    fit(compiled(DeCAModel(target(split))), training_batches(split.train, batch_size=200))


# Refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": np.ones(3)}, "`y` must be left out where `x` is Interactions"),
        ({"sample_weight": np.ones(3)}, "`sample_weight` must be left out .*weight_column"),
        ({"validation_split": 0.1}, "`validation_split` must .*validation_data=split.validation"),
        ({"shuffle": False}, "`shuffle` must be left out"),
        ({"batch_size": 8, "users_per_batch": 4}, "must not be given together"),
        ({"batch_size": 0}, "`batch_size` must be an integer of at least 1"),
        ({"num_negatives": 0}, "`num_negatives` must be an integer of at least 1"),
        ({"seed": -1}, "`seed` must be an integer of at least 0"),
    ],
)
def test_what_cannot_be_used_with_interactions_is_refused(options, message, split):
    with pytest.raises(ValueError, match=message):
        fit(compiled(DeCAModel(target(split))), split.train, **options)


@pytest.mark.parametrize("option", ["num_negatives", "seed", "users_per_batch"])
def test_what_only_makes_batches_is_refused_where_there_are_some(option, split):
    with pytest.raises(ValueError, match=f"`{option}` must be left out .*training_batches"):
        fit(compiled(DeCAModel(target(split))), training_batches(split.train), **{option: 3})


def test_batch_size_beside_a_dataset_is_refused(split):
    with pytest.raises(ValueError, match="`batch_size` must be left out .*batched already"):
        fit(compiled(DeCAModel(target(split))), training_batches(split.train), batch_size=3)


def test_whole_splits_and_tables_are_refused_with_what_to_do(split):
    model = compiled(DeCAModel(target(split)))
    with pytest.raises(TypeError, match="Received: a whole Split. Give it `split.train`"):
        fit(model, split)
    with pytest.raises(TypeError, match="`validation_data` .*Give it `split.validation`"):
        fit(model, split.train, validation_data=split)
    table = {"customer": [1], "sku": [2]}
    for data, name in ((table, "dict"), (pd.DataFrame(table), "DataFrame"), ("a.csv", "str")):
        with pytest.raises(TypeError, match=f"Received: a {name} .*deca_tf.load_split"):
            fit(model, data)


def test_validation_data_in_arrays_and_datasets_stays_as_keras_has_it(split):
    rows = split.validation.take(slice(32))
    inputs = {"user_id": rows.user_id, "item_id": rows.item_id}
    model = compiled(DeCAModel(target(split), CrossEntropy()))
    label = np.ones(32, np.float32)
    history = fit(model, split.train, validation_data=(inputs, label))
    expected = np.log1p(np.exp(-np.array(model(inputs)))).mean()
    assert history["val_loss"] == pytest.approx([expected], rel=1e-5)


def test_batches_for_another_number_of_updates_are_said(split):
    model = compiled(DeCAModel(target(split), DeCALimit()))  # two phases
    with pytest.warns(UserWarning, match=r"pairs of 1 update.*makes 2.*updates_per_step=2"):
        model.fit(training_batches(split.train, batch_size=64), verbose=0)
    fit(model, training_batches(split.train, batch_size=64, updates_per_step=2))
