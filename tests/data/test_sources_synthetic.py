"""Synthetic clicks: the documented model, checked against the truth it reports."""

import numpy as np
import pytest

from deca_tf.data.sources.synthetic import synthetic, synthetic_split

SMALL = {"num_users": 300, "num_items": 200, "num_clicks": 9_000}


def test_same_seed_same_clicks():
    first, again, other = (synthetic(seed=seed, **SMALL) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.pair_key, again.pair_key)
    np.testing.assert_array_equal(first.timestamp, again.timestamp)
    assert set(first.pair_key) != set(other.pair_key)


@pytest.mark.parametrize("noise_share", [0.0, 0.3, 0.5])
def test_expected_clicks_and_noise_share_are_met(noise_share):
    drawn = [synthetic(seed=seed, noise_share=noise_share, **SMALL) for seed in range(3)]
    assert np.mean([len(clicks) for clicks in drawn]) == pytest.approx(9_000, rel=0.03)
    assert np.mean([clicks.is_noisy.mean() for clicks in drawn]) == pytest.approx(
        noise_share, abs=0.015
    )


def test_default_size_and_noise():
    clicks = synthetic()
    assert (clicks.num_users, clicks.num_items) == (1500, 800)
    assert 78_000 < len(clicks) < 82_000
    assert 0.28 < clicks.is_noisy.mean() < 0.32
    assert clicks.raw_user_ids[42] == "user_0042"
    assert clicks.raw_item_ids[7] == "item_0007"
    assert len(np.unique(clicks.pair_key)) == len(clicks)
    assert (np.diff(clicks.timestamp) >= 0).all()


def test_popular_items_draw_more_noise_and_ids_do_not_tell_popularity():
    noisy_share = {}
    for pull in (0.0, 1.0):
        clicks = synthetic(popularity_pull=pull, clickbait_spread=0.0, quality_scale=0.0)
        popularity = clicks.item_popularity()
        noisy = np.bincount(clicks.item_id, weights=clicks.is_noisy, minlength=800)
        top = np.argsort(-popularity)[:80]
        noisy_share[pull] = noisy[top].sum() / popularity[top].sum()
        assert abs(np.corrcoef(np.arange(800), popularity)[0, 1]) < 0.15
    assert noisy_share[1.0] > noisy_share[0.0] + 0.1


def test_taste_is_shared_between_clicks_of_a_user():
    """True clicks are more predictable from a user's other true clicks than noise is.

    There is something to learn.
    """
    assert taste_auc(synthetic(quality_scale=0.0, popularity_exponent=0.0, seed=3)) > 0.62
    tasteless = synthetic(quality_scale=0.0, popularity_exponent=0.0, affinity_scale=0.0, seed=3)
    assert taste_auc(tasteless) == pytest.approx(0.5, abs=0.02)


def taste_auc(clicks):
    """How often a true click of one half of the users scores above a noisy one.

    Scores are the co-clicks of the other half.
    """
    known = clicks.take(
        ~clicks.is_noisy & (clicks.user_id < 750)
    ).to_csr()  # co-clicks of half the users ...
    together = (known.T @ known).toarray()
    np.fill_diagonal(together, 0)
    together /= known.sum(axis=0)
    rest = clicks.take(clicks.user_id >= 750)  # ... tell true from noisy clicks of the others
    score = (rest.take(~rest.is_noisy).to_csr() @ together)[rest.user_id, rest.item_id]
    true_clicks = rest.take(~rest.is_noisy).user_activity()[rest.user_id]
    score /= np.maximum(true_clicks - ~rest.is_noisy, 1)  # a true click is not evidence for itself
    true, noisy = score[~rest.is_noisy], score[rest.is_noisy]
    return (true[:4000, None] > noisy[None, :4000]).mean()


def test_split_keeps_noise_in_training_and_out_of_the_test():
    whole = synthetic_split(seed=0, **SMALL)
    assert whole.protocol == "clean"
    assert whole.leaks.total == 0
    assert 0.25 < whole.train.is_noisy.mean() < 0.35
    assert whole.validation.is_noisy.any()
    assert not whole.test.is_noisy.any()


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"num_users": 1}, "`num_users` must be at least 2"),
        ({"num_items": 1}, "`num_items` must be at least 2"),
        ({"noise_share": 1.0}, r"`noise_share` must be in \[0, 1\)"),
        ({"num_clicks": 0}, "`num_clicks` must be at least 1"),
        ({"num_users": 20, "num_items": 20, "num_clicks": 500}, "must be reachable"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        synthetic(**parameters)
