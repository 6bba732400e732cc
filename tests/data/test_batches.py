"""Batches: whole permutations, whatever the seed, the start and the size.

And no Python in the stream.
"""

import itertools
import types

import numpy as np
import pytest
import scipy.stats

from deca_tf.data import (
    Interactions,
    training_batches,
    training_batches_by_user,
    validation_batches,
)
from deca_tf.data import batches as module
from deca_tf.data.batches import capped_batch_size, steps_per_epoch
from deca_tf.data.batches_by_user import batch_of_users

ITEMS = 50


def table(n, num_items=ITEMS, seed=0):
    """Distinct pairs, n of them, so that a batch tells which rows are in it."""
    num_users = max(2, -(-2 * n // num_items))
    keys = np.random.default_rng(seed).choice(num_users * num_items, n, replace=False)
    return Interactions(
        keys // num_items, keys % num_items, np.arange(num_users), np.arange(num_items)
    )


def rows_of(interactions, batches):
    """Row numbers of the positives, `(steps, batch)`."""
    order = np.argsort(interactions.pair_key)
    keys = [
        inputs["user_id"][:, 0].numpy() * np.int64(ITEMS) + inputs["item_id"][:, 0].numpy()
        for inputs, _ in batches
    ]
    return order[np.searchsorted(interactions.pair_key[order], np.stack(keys))]


def arrays(batches):
    return [
        (inputs["user_id"].numpy(), inputs["item_id"].numpy(), label.numpy())
        for inputs, label in batches
    ]


def assert_equal(left, right):
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


# Shapes


@pytest.mark.parametrize("num_negatives", [0, 1, 3])
def test_batches_are_groups_of_a_positive_and_its_negatives(num_negatives):
    interactions = table(40)
    batches = training_batches(interactions, batch_size=8, num_negatives=num_negatives)
    inputs, label = batches.element_spec
    assert set(inputs) == {"user_id", "item_id"}
    shapes = [
        (8, 1),
        (8, 1 + num_negatives),
        (8, 1 + num_negatives),
    ]  # known before a batch is drawn: XLA needs that
    assert [spec.shape for spec in (inputs["user_id"], inputs["item_id"], label)] == shapes
    assert [spec.dtype for spec in (*inputs.values(), label)] == ["int32", "int32", "float32"]
    for _, items, labels in arrays(batches):
        assert ((items >= 0) & (items < ITEMS)).all()
        np.testing.assert_array_equal(labels, np.tile([1.0, *[0.0] * num_negatives], (8, 1)))


def test_number_of_steps_is_known_to_fit():
    assert training_batches(table(40), batch_size=8).cardinality() == 5
    assert validation_batches(table(40), batch_size=16).cardinality() == 3


# Permutations


@pytest.mark.parametrize("n", [1, 2, 2**16, 2**16 + 1, 2**17 + 1, 2**18 + 1])
def test_each_place_is_sent_to_another_one(n):
    """TensorFlow's own sends two places to one where n - 1 is a power of four from 2**16 on."""
    for seed in range(3):
        keys = np.tile(np.int32([seed, 6, 7]), (n, 1))
        np.testing.assert_array_equal(np.sort(module.permuted(np.arange(n), keys, n)), np.arange(n))


@pytest.mark.parametrize(("n", "batch_size"), [(40, 8), (37, 8), (45, 8), (64, 64), (5, 4), (1, 1)])
def test_every_pass_is_a_permutation_and_no_pair_is_dropped_at_the_end_of_an_epoch(n, batch_size):
    interactions = table(n)
    batches = training_batches(interactions, batch_size=batch_size, seed=1)
    epochs = [rows_of(interactions, batches) for _ in range(8)]
    assert {len(epoch) for epoch in epochs} == {round(n / batch_size)}
    stream = np.concatenate(epochs).ravel()
    passes = [stream[start : start + n] for start in range(0, len(stream) - n + 1, n)]
    for number, one in enumerate(passes):
        np.testing.assert_array_equal(np.sort(one), np.arange(n), err_msg=f"pass {number}")
    if n > 10:  # else there are few permutations
        assert len({tuple(one) for one in passes}) == len(passes)


def test_every_pair_is_as_likely_at_every_position_and_after_every_other():
    n, passes = 20, 500
    interactions = table(n)
    batches = training_batches(interactions, batch_size=n, seed=1)
    stream = rows_of(interactions, batches.repeat(passes))
    at_position = np.stack([np.bincount(stream[:, position], minlength=n) for position in range(n)])
    # rows and columns of the table have fixed sums, hence (n-1)^2 degrees of freedom
    chi_square = ((at_position - passes / n) ** 2 / (passes / n)).sum()
    assert scipy.stats.chi2.sf(chi_square, (n - 1) ** 2) > 1e-3
    steps = np.bincount(((stream[:, 1:] - stream[:, :-1]) % n).ravel(), minlength=n)[1:]
    assert scipy.stats.chisquare(steps).pvalue > 1e-3


def test_passes_and_seeds_that_are_256_apart_differ():
    """The permutation of the graph looks at 8 bits of each number that it is keyed with.

    So it does up to 65,536 pairs.
    """
    n = 64
    interactions = table(n)
    batches = training_batches(interactions, batch_size=n, seed=1)
    stream = rows_of(interactions, batches.repeat(300))
    assert len(np.unique(stream, axis=0)) == 300
    other = rows_of(interactions, training_batches(interactions, batch_size=n, seed=257))
    assert (stream[0] != other[0]).any()


def test_negatives_are_drawn_anew_in_every_step_and_are_uniform():
    interactions = table(64)
    batches = training_batches(interactions, batch_size=64, num_negatives=3)
    negatives = np.stack([items[:, 1:] for _ in range(40) for _, items, _ in arrays(batches)])
    assert len(np.unique(negatives, axis=0)) == 40
    assert scipy.stats.chisquare(np.bincount(negatives.ravel(), minlength=ITEMS)).pvalue > 1e-3


def test_observed_pairs_are_sampled_unless_they_are_excluded():
    interactions = table(300)  # half of the users' catalogue
    for exclude_observed in (False, True):
        batches = training_batches(
            interactions, batch_size=100, num_negatives=3, exclude_observed=exclude_observed
        )
        keys = np.concatenate(
            [(users * ITEMS + items)[:, 1:].ravel() for users, items, _ in arrays(batches)]
        )
        assert np.isin(keys, interactions.pair_key).any() != exclude_observed


# Seeds and starts


def test_same_seed_same_batches_and_other_seed_other_batches():
    interactions = table(45)

    def two_epochs(seed):
        batches = training_batches(interactions, batch_size=8, seed=seed)
        return [*arrays(batches), *arrays(batches)]

    first = two_epochs(1)
    assert_equal(two_epochs(1), first)
    other = two_epochs(2)
    assert not any(
        np.array_equal(a[0], b[0]) or np.array_equal(a[1], b[1])
        for a, b in zip(first, other, strict=True)
    )


@pytest.mark.parametrize("start_step", [1, 3, 6, 8, 13])
def test_start_in_the_middle_is_the_tail_of_the_whole(start_step):
    interactions = table(45)  # 45 / 8 = 5.6: epochs of 6 steps
    whole = training_batches(interactions, batch_size=8, num_negatives=2, seed=4)
    expected = [batch for _ in range(4) for batch in arrays(whole)]
    late = training_batches(
        interactions, batch_size=8, num_negatives=2, seed=4, start_step=start_step
    )
    first_epoch = arrays(late)
    assert len(first_epoch) == 6 - start_step % 6
    assert_equal(
        [*first_epoch, *arrays(late)], expected[start_step : start_step + len(first_epoch) + 6]
    )


def test_an_iterator_that_is_never_read_takes_no_epoch_away():
    interactions = table(40)
    expected = arrays(training_batches(interactions, batch_size=8))
    batches = training_batches(interactions, batch_size=8)
    iter(batches)
    assert_equal(arrays(batches), expected)


def test_python_is_asked_once_an_epoch_and_never_for_an_example(monkeypatch):
    asked = []

    def counted(*iterables):
        for value in itertools.chain.from_iterable(iterables):
            asked.append(value)
            yield value

    monkeypatch.setattr(
        module, "itertools", types.SimpleNamespace(chain=counted, count=itertools.count)
    )
    batches = training_batches(table(100), batch_size=10)
    assert sum(len(arrays(batches)) for _ in range(3)) == 30
    assert asked == [0, 10, 20]


# Small tables


@pytest.mark.parametrize(
    ("n", "size", "steps"), [(5, 4, 1), (7, 4, 2), (1, 1, 1), (4096, 4096, 1), (5000, 4096, 1)]
)
def test_table_smaller_than_a_batch_gets_the_largest_power_of_two(n, size, steps):
    assert capped_batch_size(4096, n) == size
    assert steps_per_epoch(n, 4096) == steps
    if n < 10:
        interactions = table(n)
        assert rows_of(interactions, training_batches(interactions)).shape == (steps, size)


# Validation


@pytest.mark.parametrize("batch_size", [16, 40, 100])
def test_validation_holds_every_pair_once_in_order_and_the_same_negatives_each_time(batch_size):
    interactions = table(40)
    batches = validation_batches(interactions, batch_size=batch_size, num_negatives=2)
    first = arrays(batches)
    assert_equal(arrays(batches), first)
    users, items, labels = (np.concatenate(column) for column in zip(*first, strict=True))
    np.testing.assert_array_equal(users[:, 0], interactions.user_id)
    np.testing.assert_array_equal(items[:, 0], interactions.item_id)
    np.testing.assert_array_equal(labels, np.tile([1.0, 0.0, 0.0], (40, 1)))
    assert (users == users[:, :1]).all()
    other = arrays(validation_batches(interactions, batch_size=batch_size, num_negatives=2, seed=1))
    assert any((a[1][:, 1:] != b[1][:, 1:]).any() for a, b in zip(first, other, strict=True))


def test_validation_never_samples_what_it_is_told_to_leave_out():
    interactions = table(300)
    batches = validation_batches(
        interactions, batch_size=64, num_negatives=3, observed=interactions
    )
    keys = np.concatenate(
        [(users * ITEMS + items)[:, 1:].ravel() for users, items, _ in arrays(batches)]
    )
    assert not np.isin(keys, interactions.pair_key).any()


# Refusals


@pytest.mark.parametrize("make", [training_batches, validation_batches])
def test_wrong_arguments_are_refused(make):
    interactions = table(10)
    with pytest.raises(ValueError, match="`interactions` must hold at least one pair"):
        make(interactions.take([]))
    for name, value, low in (
        ("batch_size", 0, 1),
        ("num_negatives", -1, 0),
        ("batch_size", 2.5, 1),
    ):
        with pytest.raises(
            ValueError,
            match=f"`{name}` must be an integer of at least {low}. Received: {name}={value}",
        ):
            make(interactions, **{name: value})


def test_negative_start_is_refused():
    with pytest.raises(ValueError, match="`start_step` must be an integer of at least 0"):
        training_batches(table(10), start_step=-1)


def test_user_without_an_unobserved_item_is_refused_when_observed_pairs_are_excluded():
    full = Interactions(np.zeros(3, np.int32), np.arange(3), np.array(["ann"]), np.arange(3))
    with pytest.raises(ValueError, match="observed with all 3 items, the first 'ann'"):
        training_batches(full, exclude_observed=True)
    assert len(arrays(training_batches(full))) > 0


# Batches by user


def by_user(interactions, epochs, **options):
    """The batches of some epochs, in one list."""
    batches = training_batches_by_user(interactions, **options)
    return [batch for _ in range(epochs) for batch in batches]


@pytest.mark.parametrize("updates_per_step", [1, 2])
def test_whole_users_come_together_and_every_positive_once_in_a_pass(updates_per_step):
    interactions = table(240)  # 10 users
    options = {"users_per_batch": 2, "updates_per_step": updates_per_step, "seed": 1}
    batches = by_user(interactions, 3, **options)
    size = batch_of_users(interactions, 2)
    rows = rows_of(interactions, batches)
    assert rows.shape == (len(batches), size * updates_per_step)
    stream = (
        rows.reshape(len(batches), size, updates_per_step).transpose(0, 2, 1).reshape(-1)
    )  # phases one after the other
    for number in range(len(stream) // 240):
        in_pass = stream[number * 240 : number * 240 + 240]
        np.testing.assert_array_equal(np.sort(in_pass), np.arange(240))
        users = interactions.user_id[in_pass]
        assert np.count_nonzero(np.diff(users)) == len(np.unique(users)) - 1  # each user is one run
    first, second = (interactions.user_id[stream[start : start + 240]] for start in (0, 240))
    assert (first != second).any()  # another order of users


def test_negatives_of_cells_belong_to_users_of_their_own_batch_and_are_unobserved():
    interactions = table(240)
    observed = set(interactions.pair_key.tolist())
    for users, items, label in arrays(
        by_user(interactions, 1, users_per_batch=3, updates_per_step=2, num_negatives=2)
    ):
        np.testing.assert_array_equal(label, np.tile([1.0, 0.0, 0.0], (len(label), 1)))
        for phase in range(2):
            assert set(users[phase::2, 1:].ravel()) <= set(users[phase::2, 0])
        drawn = users[:, 1:].astype(np.int64) * ITEMS + items[:, 1:]
        assert not observed & set(drawn.ravel().tolist())


def test_batches_by_user_can_draw_negatives_for_each_positives_user():
    interactions = table(240)
    for negatives in ("uniform", "unobserved", "popularity"):
        batches = arrays(
            by_user(interactions, 1, users_per_batch=3, negatives=negatives, num_negatives=3)
        )
        keys = np.concatenate([users * np.int64(ITEMS) + items for users, items, _ in batches])
        assert (keys // ITEMS == keys[:, :1] // ITEMS).all()
        assert np.isin(keys[:, 1:], interactions.pair_key).any() == (negatives == "uniform")
        if (
            negatives == "uniform"
        ):  # these do not depend on the users, so equal ones were drawn from equal seeds
            drawn = [items[phase::2, 1:] for _, items, _ in batches for phase in range(2)]
            assert len(np.unique(drawn, axis=0)) == len(drawn) > 2


def test_batches_by_user_have_shapes_that_xla_can_have_and_a_length_that_fit_can():
    interactions = table(240)  # 10 users: 24 positives each, on average
    batches = training_batches_by_user(
        interactions, users_per_batch=3, updates_per_step=2, num_negatives=3
    )
    inputs, label = batches.element_spec
    assert [spec.shape for spec in (*inputs.values(), label)] == [(144, 4)] * 3
    assert [spec.dtype for spec in (*inputs.values(), label)] == ["int32", "int32", "float32"]
    assert batches.cardinality() == len(arrays(batches)) == 2  # 240 / 144 = 1.67


def test_cells_of_a_stream_are_uniform_over_what_the_users_of_a_batch_have_not_touched():
    """All users are in each batch, so all cells without a positive are alike."""
    interactions = table(120, num_items=ITEMS)
    batches = arrays(
        by_user(interactions, 10, users_per_batch=100, updates_per_step=2, num_negatives=6)
    )
    keys = np.concatenate(
        [(users * np.int64(ITEMS) + items)[:, 1:].ravel() for users, items, _ in batches]
    )
    free = np.setdiff1d(np.arange(interactions.num_users * ITEMS), interactions.pair_key)
    counts = np.bincount(keys, minlength=interactions.num_users * ITEMS)
    assert counts[free].sum() == len(keys) == 10 * 240 * 6
    assert scipy.stats.chisquare(counts[free]).pvalue > 1e-3


def test_batches_by_user_start_anywhere_and_depend_on_the_seed_alone():
    interactions = table(333)
    options = {"users_per_batch": 3, "updates_per_step": 2, "seed": 4}
    whole = arrays(by_user(interactions, 4, **options))
    steps = len(whole) // 4
    assert_equal(arrays(by_user(interactions, 4, **options)), whole)
    assert_equal(
        arrays(training_batches_by_user(interactions, start_step=steps + 1, **options)),
        whole[steps + 1 : 2 * steps],
    )
    late = training_batches_by_user(interactions, start_step=steps + 1, **options)
    assert_equal(
        [batch for _ in range(3) for batch in arrays(late)], whole[steps + 1 :]
    )  # and the epochs after it
    other = arrays(by_user(interactions, 1, **{**options, "seed": 5}))
    assert any((one[0] != another[0]).any() for one, another in zip(whole, other, strict=False))


def test_a_step_of_all_users_goes_through_them_once_for_each_batch():
    interactions = table(100)
    rows = rows_of(
        interactions, by_user(interactions, 2, users_per_batch=10_000, updates_per_step=2)
    )
    assert rows.shape == (2, 200)
    for step in rows:
        for phase in range(2):
            np.testing.assert_array_equal(np.sort(step[phase::2]), np.arange(100))


def test_users_without_positives_are_not_counted():
    pairs = Interactions(
        np.array([1, 1, 3, 3], np.int32),
        np.array([0, 1, 2, 3], np.int32),
        np.arange(50),
        np.arange(9),
    )
    assert batch_of_users(pairs, 1) == 2
    assert batch_of_users(pairs, 2048) == 4


def test_batches_by_user_without_negatives_have_each_pair_alone():
    interactions = table(40)
    (_, items, labels), *_ = arrays(
        training_batches_by_user(interactions, users_per_batch=100, num_negatives=0)
    )
    np.testing.assert_array_equal(np.sort(items[:, 0]), np.sort(interactions.item_id))
    np.testing.assert_array_equal(labels, np.ones((40, 1)))


@pytest.mark.parametrize("name", ["users_per_batch", "updates_per_step"])
def test_wrong_sizes_of_batches_by_user_are_refused(name):
    with pytest.raises(
        ValueError, match=f"`{name}` must be an integer of at least 1. Received: {name}=0"
    ):
        training_batches_by_user(table(10), **{name: 0})


def test_batches_by_user_need_a_pair_and_an_unobserved_item_for_each_user():
    with pytest.raises(ValueError, match="`interactions` must hold at least one pair"):
        training_batches_by_user(table(10).take([]))
    full = Interactions(np.zeros(3, np.int32), np.arange(3), np.array(["ann"]), np.arange(3))
    with pytest.raises(ValueError, match="observed with all 3 items, the first 'ann'"):
        training_batches_by_user(full)


def test_unknown_negatives_are_refused_by_both_streams():
    for stream in (training_batches, training_batches_by_user):
        with pytest.raises(
            ValueError,
            match="`negatives` must be one of .*'popularity'.* Received: negatives='popular'",
        ):
            stream(table(20), negatives="popular")
