"""The softmax over candidates by hand, its options, and what they do in training."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from deca_tf.backbones import MF
from deca_tf.data import Interactions
from deca_tf.data.shared_pool import SharedPool
from deca_tf.denoisers import Softmax, objectives
from deca_tf.distribution import make_strategy
from deca_tf.optimizers import Adam, LazyAdam
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS = 6, 8


def tensors(*values):
    return [ops.convert_to_tensor(np.array(value, np.float32)) for value in values]


def test_loss_and_share_by_hand():
    """Logits log 2 of the click, log 1, log 3 and log 5 of candidates that weigh 4, 0 and 1.

    2 / (2 + 4 * 1 + 0 * 3 + 1 * 5) = 2 / 11.
    """
    given = tensors([math.log(2)], np.log([[1, 3, 5]]), [[4, 0, 1]])
    loss, share = objectives.softmax_cross_entropy(*given)
    assert float(share[0]) == pytest.approx(2 / 11)
    assert float(loss[0]) == pytest.approx(math.log(11 / 2))


def test_gradient_is_the_share_less_the_click():
    """Of the click 2/11 - 1, of the candidates 4/11, 0, 5/11; times the upstream 3."""
    given = tensors([math.log(2)], np.log([[1, 3, 5]]), [[4, 0, 1]])
    with tf.GradientTape() as tape:
        tape.watch(given[:2])
        loss = 3 * objectives.softmax_cross_entropy(*given)[0]
    click, candidates = tape.gradient(loss, given[:2])
    np.testing.assert_allclose(click, [3 * (2 / 11 - 1)], rtol=1e-6)
    np.testing.assert_allclose(candidates, [[12 / 11, 0, 15 / 11]], rtol=1e-6)


def test_loss_is_exact_for_logits_of_any_size():
    """A click 300 below one candidate costs 300; 300 above all it costs nothing, and is certain."""
    for sign, loss, share in ((-1, 300.0, 0.0), (1, 0.0, 1.0)):
        given = tensors([sign * 300.0], [[0.0, -20.0]], [[1.0, 1.0]])
        found = objectives.softmax_cross_entropy(*given)
        assert float(found[0][0]) == pytest.approx(loss, abs=1e-4)
        assert float(found[1][0]) == share


def losses(denoiser, click, candidates, weight, users=(0,)):
    inputs = {"user_id": ops.convert_to_tensor(np.array(users, np.int32))}
    given = tensors(click, candidates, weight)
    return denoiser.compute_click_loss("train", inputs, *given, 0)


def test_temperature_divides_the_scores():
    """At .5, log 2 and log 3 count twice: 4 / (4 + 9)."""
    loss, share = losses(Softmax(0.5), [math.log(2)], [[math.log(3)]], [[1.0]])
    assert float(share[0]) == pytest.approx(4 / 13)
    assert float(loss[0]) == pytest.approx(math.log(13 / 4))


def pairs():
    keys = np.random.default_rng(1).choice(USERS * ITEMS, 30, replace=False)
    return Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))


def build(**options):
    target = MF(USERS, ITEMS, embedding_dim=4, cosine=True, embedding_stddev=0.5, seed=1)
    return DeCAModel(target, Softmax(**options))


def test_slatk_weighs_a_click_by_its_score_beside_the_users_k_th_best():
    """Scores .3 and -.1, thresholds .1 and .4, at .5: sigmoid(.4) and sigmoid(-1)."""
    denoiser = Softmax(1.0, slatk=2, slatk_temperature=0.5)
    denoiser.adapt(pairs())
    denoiser.threshold.assign([0.1, 0.0, 0.4, 0.0, 0.0, 0.0])
    given = ([0.3, -0.1], [[0.2], [0.2]], [[1.0], [1.0]])
    loss, share = losses(denoiser, *given, users=(0, 2))
    plain, plain_share = losses(Softmax(1.0), *given)
    expected = np.array(plain) / (1 + np.exp([-0.4, 1.0]))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    np.testing.assert_array_equal(share, plain_share)


def test_the_weight_is_not_differentiated():
    denoiser = Softmax(1.0, slatk=2, slatk_temperature=0.5)
    denoiser.adapt(pairs())
    denoiser.threshold.assign([0.1] * USERS)
    click, *others = tensors([0.3], [[0.2]], [[1.0]])
    found = []
    for each in (denoiser, Softmax(1.0)):
        with tf.GradientTape() as tape:
            tape.watch(click)
            inputs = {"user_id": ops.convert_to_tensor(np.array([0], np.int32))}
            loss, _ = each.compute_click_loss("train", inputs, click, *others, 0)
        found.append(float(tape.gradient(loss, click)[0]))
    assert found[0] == pytest.approx(found[1] / (1 + np.exp(-0.4)))


def test_thresholds_are_the_k_th_best_scores_every_few_epochs():
    model = build(slatk=3, slatk_every=2)
    model.compile(Adam(0.0))
    model.fit(pairs(), verbose=0)
    assert np.array(model.denoiser.threshold).max() < -1e8  # all clicks weigh 1 until then
    model.fit(pairs(), verbose=0)
    scores = np.array(model.target.score_all_items(np.arange(USERS)))
    np.testing.assert_allclose(model.denoiser.threshold, np.sort(scores)[:, -3], rtol=1e-6)


def test_thresholds_of_too_many_pairs_are_refused():
    many = Interactions(np.zeros(1, int), np.zeros(1, int), np.arange(2**17 + 1), np.arange(2**17))
    with pytest.raises(ValueError, match=r"`slatk` must be unset .* 131073 users x 131072 items"):
        Softmax(slatk=20).adapt(many)
    Softmax().adapt(many)


def test_a_temperature_that_is_learned_is_saved_with_the_model(tmp_path):
    """On clicks of even items by even users and of odd ones by odd, which are easy, it falls."""
    model = build(temperature=0.5, learn_temperature=True)
    model.compile(Adam(0.05), jit_compile=True)
    users, items = np.nonzero(np.add.outer(np.arange(USERS), np.arange(ITEMS)) % 2 == 0)
    model.fit(Interactions(users, items, np.arange(USERS), np.arange(ITEMS)), epochs=20, verbose=0)
    learned = float(ops.exp(model.denoiser.log_temperature))
    assert learned < 0.49
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(ops.exp(loaded.denoiser.log_temperature)) == pytest.approx(learned)
    fixed = build(temperature=0.5)
    fixed.compile(Adam(0.05))
    fixed.fit(pairs(), verbose=0)
    assert float(ops.exp(fixed.denoiser.log_temperature)) == pytest.approx(0.5)


def test_a_temperature_is_learned_alike_by_rows_and_on_two_devices(two_cpus):
    found = []
    for optimizer, strategy in (
        (Adam(0.05), tf.distribute.get_strategy()),
        (LazyAdam(0.05), tf.distribute.get_strategy()),
        (None, make_strategy("mirrored")),
    ):
        with strategy.scope():
            model = build(temperature=0.5, learn_temperature=True, slatk=2, slatk_every=1)
            model.compile(optimizer or Adam(0.05), jit_compile=False)
        model.fit(pairs(), batch_size=30, epochs=2, verbose=0)
        found.append([np.array(each) for each in (*model.target.weights, *model.denoiser.weights)])
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_allclose(same, one, rtol=1e-3, atol=1e-4)


def test_training_that_goes_on_from_a_file_is_that_which_never_stopped(tmp_path):
    options = {"slatk": 2, "slatk_every": 2, "learn_temperature": True, "pool_size": 5}
    models = [build(**options) for _ in range(2)]
    for model in models:
        model.compile(Adam(0.05))
        model.fit(pairs(), epochs=3, verbose=0)
    models[0].save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for model in (loaded, models[1]):
        model.fit(pairs(), epochs=3, verbose=0)
    for one, other in zip(loaded.weights, models[1].weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6, err_msg=other.path)


def test_a_pool_s_loss_estimates_that_of_the_catalogue():
    """The sum over the others without bias, so its logarithm nearly so."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=2000)
    whole = np.log(np.exp(scores).sum())
    pool = SharedPool(400, 2000)
    found = []
    for number in range(300):
        ids = np.array(pool(tf.constant(number)))
        weight = np.where(ids == 7, 0, pool.stands_for)
        loss, _ = losses(Softmax(1.0), [scores[7]], [scores[ids]], [weight])
        found.append(float(loss[0]) + scores[7])
    assert np.mean(found) == pytest.approx(whole, abs=0.01)


def test_wrong_options_are_refused():
    for options, message in (
        ({"temperature": 0}, "`temperature` must be above 0. Received: temperature=0"),
        ({"pool_size": 0}, "`pool_size` must be an integer of at least 1"),
        ({"slatk": 0}, "`slatk` must be an integer of at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            Softmax(**options)
