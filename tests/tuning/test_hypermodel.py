"""DeCAHyperModel in Keras Tuner's own tuners, with an own backbone, and when a model collapses."""

import keras
import keras_tuner
import pytest
from keras import ops

from deca_tf.tuning import DeCAHyperModel
from tests.tuning.conftest import small


def functional(split, dim=4):
    """A model of plain Keras layers."""
    ids = {name: keras.Input((), name=name, dtype="int32") for name in ("user_id", "item_id")}
    user = keras.layers.Embedding(split.num_users, dim)(ids["user_id"])
    item = keras.layers.Embedding(split.num_items, dim)(ids["item_id"])
    return keras.Model(ids, ops.sum(user * item, axis=-1))


def test_keras_tuners_own_tuner_takes_it_with_a_backbone_of_ones_own(split, tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("tensorboard")  # Keras Tuner's trials import it

    def backbone(hp, seed):
        return functional(split, hp.Choice("my_units", [2, 6]))

    hypermodel = DeCAHyperModel(split, backbone=backbone, config=small(), epochs=2)
    tuner = keras_tuner.BayesianOptimization(
        hypermodel,
        hypermodel.objective,
        max_trials=2,
        directory=str(tmp_path),
        project_name="own",
        seed=1,
    )
    tuner.search(verbose=0)
    best = tuner.oracle.get_best_trials()[0]
    assert best.status == "COMPLETED"
    assert 0 < best.score < 1
    values = tuner.get_best_hyperparameters()[0]
    assert {"my_units", "denoiser.c_ratio", "training.l2"} <= set(values.values)
    assert hypermodel.build(values).target.weights[0].shape == (split.num_users, values["my_units"])


def test_a_model_is_made_anew_for_each_trial(split):
    own = functional(split)
    hypermodel = DeCAHyperModel(split, backbone=own, config=small())
    hp = keras_tuner.HyperParameters()
    first, second = hypermodel.build(hp).target, hypermodel.build(hp).target
    assert own is not first is not second
    assert first.weights[0].shape == own.weights[0].shape
    assert not [name for name in hp.values if name.startswith("backbone.")]


def test_an_objective_that_does_not_exist_is_refused_before_training(split, monkeypatch):
    with pytest.raises(
        ValueError, match=r"`objective` must be one of 'val_\w+@20'.*Did you mean 'val_recall@20'"
    ):
        DeCAHyperModel(split, config=small(), objective="val_recal@20")
    hypermodel = DeCAHyperModel(split, config=small())
    monkeypatch.setattr("deca_tf.tuning.hypermodel.train", None)

    class Tuners:  # what Keras Tuner hands over with its objective
        objective = keras_tuner.Objective("val_auc", "max")

    hp = keras_tuner.HyperParameters()
    with pytest.raises(
        keras_tuner.errors.FatalValueError, match=r"'val_recall@20' to be maximized.*'val_auc'"
    ):
        hypermodel.fit(hp, None, callbacks=[Tuners()])


def test_wrong_arguments(split):
    with pytest.raises(ValueError, match=r"`prior` must be a trained model"):
        DeCAHyperModel(split, denoiser="deca-p", config=small())
    settings = DeCAHyperModel(split, denoiser="gce", config=small({"denoiser": {"c1": 7}})).settings
    assert settings.denoiser.model_extra == {}, "those of `deca-limit` are not of `gce`"
    with pytest.raises(
        TypeError, match=r"`backbone` must be the name of one, a keras.Model, or a function"
    ):
        DeCAHyperModel(split, backbone=3, config=small())
    with pytest.raises(TypeError, match=r"must return a keras.Model"):
        DeCAHyperModel(split, backbone=lambda hp, seed: None, config=small())
