"""What a Keras user may set on a `DeCAModel`: it is used, or one sentence says what to use."""

import keras
import numpy as np
import pytest

import deca_tf
from deca_tf.backbones import MF
from deca_tf.denoisers import DeCA
from deca_tf.optimizers import Adam

INPUTS = {"user_id": np.array([0, 1, 2, 3]), "item_id": np.array([3, 2, 1, 0])}
LABEL = np.array([1.0, 0.0, 0.0, 1.0], np.float32)


def build(denoiser=None):
    return deca_tf.DeCAModel(MF(4, 4, embedding_dim=3, embedding_stddev=0.5, seed=1), denoiser)


def values(model):
    return [np.array(weight) for weight in model.weights]


@pytest.mark.parametrize(
    ("argument", "value", "remedy"),
    [
        ("loss", "mse", "The denoiser is the loss"),
        ("loss_weights", [2.0], "The denoiser is the loss"),
        ("metrics", ["accuracy"], "RankingMetrics.*deca_tf.evaluate"),
        ("weighted_metrics", ["accuracy"], "RankingMetrics.*deca_tf.evaluate"),
    ],
)
def test_losses_and_metrics_of_keras_are_refused(argument, value, remedy):
    with pytest.raises(
        ValueError, match=f"`{argument}` must be None in `compile`. Received: {argument}=.*{remedy}"
    ):
        build().compile("adam", **{argument: value})


def test_they_are_refused_by_position_too_and_nothing_is_refused_where_they_are_empty():
    with pytest.raises(ValueError, match="Received: loss='mse'"):
        build().compile("adam", "mse")
    build().compile("adam", loss=None, metrics=[])


def test_class_weights_are_refused():
    model = build()
    model.compile("adam")
    expected = "`class_weight` must be None in `fit`. Received: .*Weigh examples by `sample_weight`"
    with pytest.raises(ValueError, match=expected):
        model.fit(INPUTS, LABEL, class_weight={0: 1.0, 1: 2.0})
    with pytest.raises(ValueError, match="`class_weight` must be None in `train_on_batch`"):
        model.train_on_batch(INPUTS, LABEL, class_weight={0: 1.0, 1: 2.0})


def test_fitting_before_compiling_is_refused():
    with pytest.raises(ValueError, match="`fit` must come after `compile`.*Call `model.compile"):
        build().fit(INPUTS, LABEL)


@pytest.mark.parametrize("options", [{"optimizer": None}, {"steps_per_execution": "auto"}], ids=str)
def test_settings_without_a_meaning_are_refused_when_they_are_set(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be an .*Received: {name}="):
        build().compile(**{"optimizer": "adam", **options})


@pytest.mark.parametrize("part", ["target", "denoiser"])
def test_what_is_frozen_stays_still_once_compile_was_called_again(part):
    networks = (MF(4, 4, embedding_dim=3, embedding_stddev=0.5, seed=s) for s in (2, 3, 4))
    model = build(DeCA(*networks, c1=10, c2=10))
    model.compile("adam", run_eagerly=True)
    getattr(model, part).trainable = False
    with pytest.raises(ValueError, match="`compile` must be called again.*Received: 8 weights"):
        model.fit(INPUTS, LABEL, batch_size=4, verbose=0)
    model.compile("adam", run_eagerly=True)
    before = {name: values(getattr(model, name)) for name in ("target", "denoiser")}
    model.fit(INPUTS, LABEL, batch_size=4, verbose=0)
    for name, weights in before.items():
        still = [
            np.array_equal(*two) for two in zip(weights, values(getattr(model, name)), strict=True)
        ]
        assert all(still) if name == part else not any(still), name


def test_learning_rates_that_callbacks_set_reach_the_networks_of_a_phase():
    networks = (MF(4, 4, embedding_dim=3, embedding_stddev=0.5, seed=s) for s in (2, 3, 4))
    model = build(DeCA(*networks, c1=10, c2=10))
    model.compile("sgd", run_eagerly=True)
    still = keras.callbacks.LearningRateScheduler(lambda epoch: 0.0)
    before = values(model)
    model.fit(INPUTS, LABEL, batch_size=4, verbose=0, callbacks=[still])
    assert all(map(np.array_equal, values(model), before))


def test_clones_and_splits_of_keras_work():
    model = build()
    clone = keras.models.clone_model(model)
    assert clone.target.get_config()["num_users"] == 4
    model.compile("adam", run_eagerly=True)
    x = {name: np.tile(ids, 4) for name, ids in INPUTS.items()}
    history = model.fit(x, np.tile(LABEL, 4), batch_size=4, validation_split=0.5, verbose=0).history
    assert "val_loss" in history
    assert set(model.evaluate(x, np.tile(LABEL, 4), return_dict=True, verbose=0)) == {"loss"}
    model.summary(print_fn=lambda text, **_: None)


def test_kerass_export_is_refused_with_ours():
    with pytest.raises(ValueError, match=r"Use `deca_tf.export\(model, split, 'folder'\)`"):
        build().export("folder")


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: Adam(use_ema=True), r"`use_ema` must be False.*Adam\(use_ema=True\)"),
        (lambda: keras.optimizers.SGD(loss_scale_factor=8.0), r"SGD\(loss_scale_factor=8.0\)"),
        (lambda: keras.optimizers.LossScaleOptimizer(Adam()), "optimizer=LossScaleOptimizer"),
    ],
)
def test_optimizers_that_need_kerass_own_training_step_are_refused(make, received):
    with pytest.raises(ValueError, match=received):
        build().compile(make())


@pytest.mark.parametrize("make", [keras.optimizers.SGD, Adam])
@pytest.mark.parametrize("setting", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping_is_used_for_the_networks_of_a_phase_too(setting, make):
    """Gradients that are cut to next to nothing move nothing."""
    epsilon = {"epsilon": 1e-2} if make is Adam else {}
    moved = []
    for limit in (1e-7, None):
        networks = (MF(4, 4, embedding_dim=3, embedding_stddev=0.5, seed=s) for s in (2, 3, 4))
        model = build(DeCA(*networks, c1=10, c2=10))
        model.compile(make(0.1, **epsilon, **{setting: limit}), run_eagerly=True)
        before = values(model)
        model.fit(INPUTS, LABEL, batch_size=4, verbose=0, shuffle=False)
        moved.append([np.abs(n - o).max() for n, o in zip(values(model), before, strict=True)])
    clipped, free = moved
    assert max(clipped) < 2e-5
    assert min(free) > 1e-4


def test_weight_decay_is_used():
    """Beside the update itself each weight loses rate x decay of itself, by Keras's definition."""
    trained = []
    for decay in (0.5, None):
        model = build()
        before = values(model)
        model.compile(Adam(0.1, weight_decay=decay), run_eagerly=True)
        model.fit(INPUTS, LABEL, batch_size=4, verbose=0)
        trained.append(values(model))
    for with_decay, without, start in zip(*trained, before, strict=True):
        np.testing.assert_allclose(with_decay - without, -0.1 * 0.5 * start, atol=1e-6)


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": True}], ids=str)
def test_accumulated_gradients_move_weights_every_second_update_by_their_mean(options):
    """SGD of rate 1 over two equal batches: one update by the gradient of one of them."""
    once, accumulated = build(), build()
    once.compile(keras.optimizers.SGD(1.0), **options)
    accumulated.compile(keras.optimizers.SGD(1.0, gradient_accumulation_steps=2), **options)
    before = values(accumulated)
    once.train_on_batch(INPUTS, LABEL)
    accumulated.train_on_batch(INPUTS, LABEL)
    assert all(map(np.array_equal, values(accumulated), before))
    accumulated.train_on_batch(INPUTS, LABEL)
    for weight, expected in zip(values(accumulated), values(once), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer", ["adam", "sgd", "adagrad", {"class_name": "Adam", "config": {}}]
)
def test_optimizers_by_name_and_by_config_train(optimizer):
    model = build()
    model.compile(optimizer, run_eagerly=True)
    before = values(model)
    model.fit(INPUTS, LABEL, batch_size=2, verbose=0)
    assert not any(map(np.array_equal, values(model), before))


def test_compiled_settings_survive_saving(tmp_path):
    """Although `compile` is our own: Keras drops the optimizer of models that have one."""
    model = build()
    model.compile(Adam(0.01, clipnorm=0.5), steps_per_execution=2, jit_compile=False)
    model._build_optimizers()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert loaded.steps_per_execution == 2
    for one, expected in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, expected)
