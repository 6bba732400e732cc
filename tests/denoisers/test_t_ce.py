"""T-CE's schedule, and what its loss is over a batch. The rule itself is in test_objectives."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.denoisers import TCE
from deca_tf.training._batch_layout import mean_per_label

BATCH = 40


@pytest.fixture(scope="module")
def batch():
    logits = np.random.default_rng(0).normal(size=BATCH).astype(np.float32)
    label = np.tile([1.0, 0.0], BATCH // 2).astype(np.float32)
    cross_entropy = np.log1p(np.exp(-np.where(label == 1, logits, -logits)))
    return tf.constant(logits), tf.constant(label), cross_entropy


def losses(denoiser, batch, update):
    logits, label, _ = batch
    return np.array(
        denoiser.compute_loss("train", {}, label, logits, tf.constant(update, tf.int64))
    )


@pytest.mark.parametrize(
    ("update", "num_dropped"), [(0, 0), (25, 2), (50, 4), (75, 6), (100, 8), (10**6, 8)]
)
def test_drop_rate_rises_linearly_and_stays(update, num_dropped, batch):
    """.2 of 40 are 8 in the end; half way .1, so 4."""
    loss = losses(TCE(drop_rate=0.2, steps_to_full=100), batch, update)
    _, label, cross_entropy = batch
    dropped = np.argsort(-cross_entropy * label)[:num_dropped]
    expected = cross_entropy * BATCH / (BATCH - num_dropped)
    expected[dropped] = 0
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_loss_of_an_update_is_that_of_what_is_kept(batch):
    """With one negative for each positive.

    Twice the mean over the kept examples, as twice the mean is over all.
    """
    _, label, cross_entropy = batch
    loss = losses(TCE(drop_rate=0.2, steps_to_full=1), batch, 1)
    kept = np.ones(BATCH, bool)
    kept[np.argsort(-cross_entropy * label)[:8]] = False
    assert kept[label.numpy() == 0].all()
    np.testing.assert_allclose(
        float(mean_per_label(loss, label)), 2 * cross_entropy[kept].mean(), rtol=1e-5
    )


def test_what_is_left_out_has_no_gradient_and_the_rest_that_of_its_cross_entropy(batch):
    logits, label, cross_entropy = batch
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_sum(
            TCE(drop_rate=0.2, steps_to_full=1).compute_loss("train", {}, label, logits, 5)
        )
    gradient = tape.gradient(loss, logits).numpy()
    probability = 1 / (1 + np.exp(-logits.numpy()))
    expected = (probability - label.numpy()) * BATCH / (BATCH - 8)
    expected[np.argsort(-cross_entropy * label.numpy())[:8]] = 0
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_defaults_are_those_of_the_comparison_in_the_released_code():
    assert (TCE().drop_rate, TCE().steps_to_full) == (0.2, 30_000)
