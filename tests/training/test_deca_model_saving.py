"""`.keras` files of a `DeCAModel`: what is loaded trains on as if nothing had happened."""

import io
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest

from deca_tf.backbones import BACKBONES
from deca_tf.data import Interactions, training_batches, training_batches_by_user
from deca_tf.denoisers import DENOISERS
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS = 12, 15
PAIRS, BATCH = 56, 24
STEPS = 2  # 56 / 24 = 2.3, rounded: an epoch ends inside a pass over the pairs


@pytest.fixture(scope="module")
def interactions():
    return pairs()


def pairs():
    keys = np.random.default_rng(0).choice(USERS * ITEMS, PAIRS, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def network(backbone, seed, **options):
    options = {"embedding_dim": 4, **options}
    built = BACKBONES.build(backbone, options=options, num_users=USERS, num_items=ITEMS, seed=seed)
    built.adapt(pairs())
    return built


def untrained(name="deca", backbone="gmf"):
    networks = {
        role: network("mf", seed, embedding_stddev=0.3)
        for seed, role in enumerate(DENOISERS.load(name).networks, 2)
    }
    if name == "deca-p":
        networks["auxiliary"] = network(backbone, 9)
    denoiser = DENOISERS.build(name, **networks)
    denoiser.adapt(pairs())
    return DeCAModel(network(backbone, 1), denoiser, l2=0.01 * USERS)


def build(name="deca", optimizer=None, backbone="gmf", **compile_options):
    model = untrained(name, backbone)
    optimizer = optimizer or keras.optimizers.Adam(0.01, epsilon=1e-8)
    model.compile(optimizer=optimizer, **(compile_options or {"run_eagerly": True}))
    return model


def fit(model, interactions, start_step=0, **options):
    batches = training_batches(interactions, batch_size=BATCH, seed=3, start_step=start_step)
    model.fit(batches, verbose=0, shuffle=False, **options)
    return model


def reload(model, folder):
    model.save(folder / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Skipping variable loading for optimizer ..."
        return keras.models.load_model(folder / "model.keras")


def state(model):
    optimizers = [model.optimizer, *model.phase_optimizers.values()]
    return [np.array(v) for v in (*model.weights, *(v for o in optimizers for v in o.variables))]


def assert_same_state(left, right):
    for one, other in zip(state(left), state(right), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(  # of whole users: in test_users.py
    "name", [name for name in DENOISERS.names if DENOISERS.load(name).layout != "users"]
)
def test_weights_optimizer_slots_and_continuation_survive_saving(name, interactions, tmp_path):
    through = fit(build(name), interactions, epochs=4)
    before = fit(build(name), interactions, epochs=2)
    loaded = reload(before, tmp_path)
    assert_same_state(loaded, before)
    updates = 2 * STEPS * len(loaded.denoiser.phases)
    assert int(loaded.optimizer.iterations) == updates
    fit(loaded, interactions, start_step=2 * STEPS, initial_epoch=2, epochs=4)
    assert_same_state(loaded, through)
    assert int(loaded.optimizer.iterations) == 2 * updates


@pytest.mark.parametrize("backbone", ["cdae", "lightgcn", "neumf"])
@pytest.mark.parametrize("name", ["deca-limit", "deca-p"])
def test_every_backbone_goes_on_where_it_was_saved(backbone, name, interactions, tmp_path):
    through = fit(build(name, backbone=backbone), interactions, epochs=2)
    loaded = reload(fit(build(name, backbone=backbone), interactions), tmp_path)
    fit(loaded, interactions, start_step=STEPS)
    assert_same_state(loaded, through)
    users = np.arange(USERS, dtype=np.int32)
    expected = np.array(through.recommender.score_all_items(users))
    np.testing.assert_array_equal(np.array(loaded.recommender.score_all_items(users)), expected)


def test_batches_by_user_go_on_in_the_graph_with_corruption_that_never_repeats(
    interactions, tmp_path
):
    def fit_by_user(model, epochs, start_step=0):
        batches = training_batches_by_user(
            interactions, users_per_batch=2, updates_per_step=1, start_step=start_step
        )
        model.fit(batches, verbose=0, shuffle=False, epochs=epochs)
        return model

    def new():
        return build("none", backbone="cdae", jit_compile=False)

    through = fit_by_user(new(), epochs=2)
    loaded = reload(fit_by_user(new(), epochs=1), tmp_path)
    steps = int(loaded.optimizer.iterations)
    assert steps > 1
    fit_by_user(loaded, epochs=1, start_step=steps)
    assert_same_state(loaded, through)


@pytest.mark.filterwarnings(
    "ignore:Your input ran out of data"
)  # Keras is not told the length of the first epoch
def test_training_goes_on_in_mid_epoch(interactions, tmp_path):
    """In the graph, as in production: one epoch, one step, a reload, the rest."""
    through = fit(build(jit_compile=False), interactions, epochs=2)
    stopped = fit(build(jit_compile=False), interactions)
    second_epoch = training_batches(interactions, batch_size=BATCH, seed=3, start_step=STEPS)
    stopped.fit(second_epoch.take(1), verbose=0, shuffle=False)
    loaded = reload(stopped, tmp_path)
    fit(loaded, interactions, start_step=STEPS + 1)
    assert_same_state(loaded, through)


def without_shapes(config):
    """A config without `build_config`, where a tuple comes back as a list."""
    if not isinstance(config, dict):
        return config
    return {key: without_shapes(value) for key, value in config.items() if key != "build_config"}


def test_settings_survive_saving(interactions, tmp_path):
    model = fit(build("deca-p"), interactions)
    loaded = reload(model, tmp_path)
    assert (loaded.l2, loaded.penalty_weight) == (0.01 * USERS, 0.01)
    assert without_shapes(loaded.get_config()) == without_shapes(model.get_config())
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


def test_learning_rate_schedule_survives_saving(interactions, tmp_path):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2 * STEPS], [0.01, 0.001])
    through = fit(build(optimizer=keras.optimizers.Adam(schedule)), interactions, epochs=2)
    loaded = reload(fit(build(optimizer=keras.optimizers.Adam(schedule)), interactions), tmp_path)
    fit(loaded, interactions, start_step=STEPS)
    assert_same_state(loaded, through)


def test_model_that_never_trained_is_saved_with_the_slots_it_will_need(tmp_path):
    model = build()
    assert_same_state(reload(model, tmp_path), model)


def test_new_optimizer_is_saved_without_remains_of_the_old_one(interactions, tmp_path):
    model = fit(build(), interactions)
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), run_eagerly=True)
    loaded = reload(model, tmp_path)
    assert isinstance(loaded.optimizer, keras.optimizers.SGD)
    assert_same_state(loaded, model)
    assert_same_state(fit(loaded, interactions), fit(model, interactions))


def test_weights_alone_fit_a_model_built_anew(interactions, tmp_path):
    model = fit(build(), interactions)
    model.save_weights(tmp_path / "model.weights.h5")
    other = untrained()
    other.load_weights(tmp_path / "model.weights.h5")
    for one, expected in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(expected))


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model", "model.weights.h5"])
def test_files_that_cannot_be_loaded_are_not_written(name, tmp_path):
    model = build()
    with pytest.raises(ValueError, match=f"`filepath` must end in '.keras'. Received: .*{name}"):
        model.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    loaded = reload(model, tmp_path)
    assert type(loaded.optimizer) is type(model.optimizer)


def test_a_folder_and_kerass_checkpoints_are_written(interactions, tmp_path):
    model = build()
    model.save(tmp_path / "folder", zipped=False)
    whole = keras.callbacks.ModelCheckpoint(tmp_path / "whole.keras")
    weights = keras.callbacks.ModelCheckpoint(tmp_path / "some.weights.h5", save_weights_only=True)
    model.fit(interactions, verbose=0, callbacks=[whole, weights])
    assert (tmp_path / "folder" / "config.json").exists()
    assert_same_state(keras.models.load_model(tmp_path / "whole.keras"), model)
    other = untrained()
    other.load_weights(tmp_path / "some.weights.h5")
    for one, expected in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(expected))


def test_a_file_without_optimizers_has_weights_alone(interactions, tmp_path):
    model = fit(build(), interactions, epochs=1)
    model.save(tmp_path / "with.keras")
    with model.without_optimizers():
        model.save(tmp_path / "without.keras")
    loaded = keras.models.load_model(tmp_path / "without.keras")
    assert not loaded.compiled
    for found, expected in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    with_slots, alone = (numbers_in(tmp_path / f"{name}.keras") for name in ("with", "without"))
    assert alone == sum(weight.shape.num_elements() for weight in model.weights)
    assert with_slots > 2.9 * alone
    fit(
        model, interactions, start_step=STEPS, epochs=1
    )  # trains on, with the optimizers that it had
    assert model.optimizer.iterations == 2 * STEPS * len(model.denoiser.phases)


def numbers_in(file):
    """How many numbers a `.keras` file holds."""
    with (
        zipfile.ZipFile(file) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights,
    ):
        sizes = []
        weights.visititems(lambda _, found: sizes.append(getattr(found, "size", 0)))
    return sum(sizes)
