"""The methods that reweight after an epoch, against NumPy.

Rows of pairs, weights, what is saved.
"""

import keras
import numpy as np
import pytest
from keras import ops

from deca_tf.backbones import MF
from deca_tf.data import Interactions, training_batches
from deca_tf.denoisers import EARD, PLD, UDT
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS = 9, 11
METHODS = {"eard": EARD, "pld": PLD, "udt": UDT}
every_method = pytest.mark.parametrize("name", METHODS)


@pytest.fixture(scope="module")
def interactions():
    """Forty of the pairs of users 0 to 7 and items 0 to 9, in no order; user 3 has none."""
    rng = np.random.default_rng(0)
    users = np.array([0, 1, 2, 4, 5, 6, 7])
    keys = rng.choice(len(users) * 10, 40, replace=False)
    return Interactions(users[keys // 10], keys % 10, np.arange(USERS), np.arange(ITEMS))


def target(seed=1):
    return MF(USERS, ITEMS, embedding_dim=4, embedding_stddev=1.0, seed=seed)


def adapted(name, interactions, **options):
    denoiser = METHODS[name](**{"warm_up_epochs": 0, **options})
    denoiser.adapt(interactions)
    return denoiser


def every_pair():
    """All users and items, `(99,)` each."""
    users, items = np.divmod(np.arange(USERS * ITEMS, dtype=np.int32), ITEMS)
    return {"user_id": ops.convert_to_tensor(users), "item_id": ops.convert_to_tensor(items)}


def is_observed(interactions):
    observed = np.zeros((USERS, ITEMS), bool)
    observed[interactions.user_id, interactions.item_id] = True
    return observed.reshape(-1)


def weights_of(denoiser, label, update=0):
    """Loss divided by cross-entropy, log 2 at logit 0, of every pair, `(USERS, ITEMS)`."""
    size = USERS * ITEMS
    loss = denoiser.compute_loss(
        "train", every_pair(), label * ops.ones(size), ops.zeros(size), update
    )
    return np.array(loss).reshape(USERS, ITEMS) / np.log(2)


def positive_losses(model, interactions):
    """-log f of the training pairs, sorted by user and item, in double precision.

    And their users and items.
    """
    order = np.lexsort((interactions.item_id, interactions.user_id))
    user, item = interactions.user_id[order], interactions.item_id[order]
    logits = np.float64(model({"user_id": user, "item_id": item}))
    return user, item, np.log1p(np.exp(-logits))


def ranks(values):
    return np.argsort(np.argsort(values))


def test_every_pair_is_found_where_it_is(interactions):
    denoiser = adapted("udt", interactions)
    row, is_known = (np.array(part) for part in denoiser.rows(every_pair()))
    np.testing.assert_array_equal(is_known, is_observed(interactions))
    np.testing.assert_array_equal(row[is_known], np.arange(len(interactions)))
    assert ((row >= 0) & (row < len(interactions))).all()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9])
def test_pairs_are_found_among_any_number(size):
    keys = np.random.default_rng(size).choice(USERS * ITEMS, size, replace=False)
    some = Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))
    _, is_known = adapted("udt", some).rows(every_pair())
    np.testing.assert_array_equal(np.flatnonzero(np.array(is_known)), np.sort(keys))


def test_ids_whose_key_needs_64_bits():
    size = 100_000
    some = Interactions(
        np.array([size - 1, 70_000]), np.array([size - 1, 5]), np.arange(size), np.arange(size)
    )
    inputs = {
        "user_id": np.array([size - 1, 70_000, 70_000]),
        "item_id": np.array([size - 1, 5, 6]),
    }
    row, is_known = adapted("eard", some).rows(inputs)
    np.testing.assert_array_equal(np.array(is_known), [True, True, False])
    np.testing.assert_array_equal(np.array(row)[:2], [1, 0])


def test_repeated_pairs_count_once(interactions):
    twice = interactions.take(np.tile(np.arange(len(interactions)), 2))
    assert adapted("udt", twice).sizes == (USERS, ITEMS, len(interactions))


def test_rows_of_a_user(interactions):
    first, stop = (
        np.array(part) for part in adapted("pld", interactions).rows_of_user(np.arange(USERS))
    )
    np.testing.assert_array_equal(stop - first, interactions.user_activity())
    assert first[0] == 0
    assert stop[-1] == len(interactions)


@every_method
def test_until_the_warm_up_is_over_training_is_normal(name, interactions):
    denoiser = adapted(name, interactions, warm_up_epochs=2)
    for epoch in range(3):
        for label in (0.0, 1.0):
            is_normal = np.allclose(weights_of(denoiser, label), 1, rtol=1e-5)
            assert is_normal or epoch == 2
        assert is_normal == (epoch < 2)
        denoiser.on_epoch_end(target())


@every_method
def test_weights_follow_the_target(name, interactions):
    denoiser = adapted(name, interactions)
    denoiser.on_epoch_end(target(1))
    first = weights_of(denoiser, 1.0)
    denoiser.on_epoch_end(target(2))
    assert not np.allclose(weights_of(denoiser, 1.0), first)
    denoiser.on_epoch_end(target(1))
    np.testing.assert_allclose(weights_of(denoiser, 1.0), first, rtol=1e-5)


def test_weights_of_udt(interactions):
    """Users from the smallest mean loss to the largest.

    Weights .9 to .3, temperatures .5 to 1.1, six steps of .1.
    """
    denoiser = adapted("udt", interactions, user_weights=[0.9, 0.3], temperatures=[0.5, 1.1])
    denoiser.on_epoch_end(target())
    user, item, loss = positive_losses(target(), interactions)
    active = np.unique(user)
    rank = ranks([loss[user == u].mean() for u in active])
    expected = np.full((USERS, ITEMS), np.nan)
    for u, place in zip(active, rank, strict=True):
        own = np.exp(-loss[user == u] / (0.5 + 0.1 * place))
        weight = 0.9 - 0.1 * place
        np.testing.assert_allclose(weights_of(denoiser, 0.0)[u], weight, rtol=1e-5)
        expected[u] = weight
        expected[u, item[user == u]] = weight * len(own) * own / own.sum()
    received = weights_of(denoiser, 1.0)
    np.testing.assert_allclose(received[active], expected[active], rtol=1e-4)
    assert len(active) == 7


def test_weights_of_eard(interactions):
    denoiser = adapted("eard", interactions, alpha=0.4, beta=1.6)
    denoiser.on_epoch_end(target())
    user, item, loss = positive_losses(target(), interactions)
    weight = 1 - (ranks(loss) + 0.5) / len(loss)  # the smallest loss: (n - 1/2) / n
    for entity in (user, item):
        names, index = np.unique(entity, return_inverse=True)
        rank = ranks([loss[entity == name].mean() for name in names])
        weight *= (1.6 - 1.2 * rank / (len(names) - 1))[index]
    received = weights_of(denoiser, 1.0)
    np.testing.assert_allclose(received[user, item], weight, rtol=1e-4)
    np.testing.assert_allclose(received.reshape(-1)[~is_observed(interactions)], 1, rtol=1e-6)
    np.testing.assert_allclose(weights_of(denoiser, 0.0), 1, rtol=1e-6)


def pld_weights(denoiser, user, item, times):
    """Weights of positives that come up so many times in one batch, `(times, n)`.

    Each has a pool of its own.
    """
    inputs = {"user_id": np.tile(user, times), "item_id": np.tile(item, times)}
    size = times * len(user)
    loss = denoiser.compute_loss("train", inputs, ops.ones(size), ops.zeros(size), 7)
    return np.array(loss).reshape(times, -1) / np.log(2)


def test_weights_of_pld_are_those_of_pools_of_the_user_s_own(interactions):
    """Each weight is 2 / (1 + exp((own loss - other's) / T)) for one of the user's losses.

    Pools are of two.
    """
    denoiser = adapted("pld", interactions, pool_size=2, temperature=0.5)
    denoiser.on_epoch_end(target())
    user, item, loss = positive_losses(target(), interactions)
    received = pld_weights(denoiser, user, item, 200)
    for row in range(len(user)):
        possible = 2 / (1 + np.exp((loss[row] - loss[user == user[row]]) / 0.5))
        distance = np.abs(received[:, row, None] - possible)
        assert distance.min(axis=1).max() < 1e-4
        assert set(distance.argmin(axis=1)) == set(
            range(len(possible))
        )  # and each of them comes up
    np.testing.assert_allclose(weights_of(denoiser, 0.0), 1, rtol=1e-6)


def test_weights_of_pld_are_one_on_average_over_each_user(interactions):
    denoiser = adapted("pld", interactions)
    denoiser.on_epoch_end(target())
    user, item, _ = positive_losses(target(), interactions)
    mean = pld_weights(denoiser, user, item, 2000).mean(axis=0)
    for u in np.unique(user):
        assert mean[user == u].mean() == pytest.approx(1, abs=0.05)
    assert mean.std() > 0.3


def test_pools_of_pld_change_with_the_update_and_the_seed(interactions):
    denoisers = [adapted("pld", interactions, seed=seed) for seed in (0, 0, 1)]
    for denoiser in denoisers:
        denoiser.on_epoch_end(target())
    first, again, other = (weights_of(denoiser, 1.0, 5) for denoiser in denoisers)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, weights_of(denoisers[0], 1.0, 6))


def model(name, interactions):
    made = DeCAModel(target(), adapted(name, interactions, warm_up_epochs=1))
    made.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    return made


def fit(made, interactions, first=0, epochs=4):
    batches = training_batches(
        interactions, batch_size=16, seed=3, start_step=first * 2
    )  # two steps an epoch
    made.fit(batches, initial_epoch=first, epochs=epochs, verbose=0, shuffle=False)
    return made


@every_method
def test_training_goes_on_from_a_file_as_if_it_had_not_stopped(name, interactions, tmp_path):
    through = fit(model(name, interactions), interactions)
    fit(model(name, interactions), interactions, epochs=2).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert int(ops.convert_to_numpy(loaded.denoiser.epochs_done)) == 2
    fit(loaded, interactions, first=2)
    for one, expected in zip(loaded.weights, through.weights, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(expected))


@every_method
def test_state_is_saved_but_not_trained_nor_an_option(name, interactions):
    made = model(name, interactions)
    assert not made.denoiser.trainable_variables
    assert made.denoiser.get_config()["sizes"] == [USERS, ITEMS, len(interactions)]
    assert made.recommender is made.target


@every_method
def test_training_without_the_pairs_is_refused(name):
    denoiser = METHODS[name]()
    with pytest.raises(
        ValueError, match=f"{name.upper()} must know the training pairs.*denoiser.adapt"
    ):
        denoiser.compute_loss("train", every_pair(), ops.ones(99), ops.zeros(99), 0)
    with pytest.raises(ValueError, match="must know the training pairs"):
        denoiser.on_epoch_end(target())


def test_adapting_too_late_or_to_other_pairs_is_refused(interactions):
    late = UDT()
    late.build()
    with pytest.raises(ValueError, match="`adapt` must be called before the denoiser is used"):
        late.adapt(interactions)
    denoiser = adapted("udt", interactions)
    denoiser.adapt(interactions)  # again is no harm
    with pytest.raises(
        ValueError, match="`interactions` must be those that the denoiser has adapted to"
    ):
        denoiser.adapt(interactions.take(slice(1, None)))
    moved = Interactions(
        interactions.user_id, interactions.item_id + 1, np.arange(USERS), np.arange(ITEMS)
    )
    with pytest.raises(ValueError, match="or other pairs"):
        denoiser.adapt(moved)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "udt",
            {"user_weights": 0.5},
            "`user_weights` must be two numbers. Received: user_weights=0.5",
        ),
        (
            "udt",
            {"user_weights": [0.5, -1]},
            "`user_weights` must be a finite number of at least 0. Received: .*=-1",
        ),
        (
            "udt",
            {"temperatures": [0, 1]},
            r"`temperatures` must be above 0. Received: temperatures=\[0, 1\]",
        ),
        ("eard", {"alpha": 2}, "`beta` must be at least `alpha`. Received: alpha=2, beta=1.5"),
        (
            "pld",
            {"pool_size": 1},
            "`pool_size` must be an integer of at least 2. Received: pool_size=1",
        ),
        ("pld", {"temperature": 0}, "`temperature` must be above 0. Received: temperature=0"),
        ("pld", {"warm_up_epochs": -1}, "`warm_up_epochs` must be an integer of at least 0"),
    ],
)
def test_wrong_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        METHODS[name](**options)
