"""NMSE and the multinomial likelihood by hand."""

import math

import numpy as np
import pytest

from deca_tf.backbones import ELSA
from deca_tf.data import Interactions
from deca_tf.denoisers import NMSE, Multinomial
from deca_tf.denoisers.user_scores import UserScores
from deca_tf.optimizers import Adam
from deca_tf.training.deca_model import DeCAModel


def scores_of(cells, target=(1.0, 1.0)):
    """Of one user who clicked the first two items."""
    cells = np.float32([cells])
    return UserScores([0, 0], np.float32(target), cells[0, :2], cells, None, cells.shape[1])


def test_nmse_is_the_distance_of_two_vectors_of_length_1():
    """Of (1, 1, 0, 0) and (3, 0, 0, 4) the cosine is 3 / (sqrt(2) 5): twice 1 less of it."""
    loss = NMSE().compute_user_loss("train", scores_of([3, 0, 0, 4]), 0)
    assert float(loss[0]) == pytest.approx(2 - 6 / (5 * math.sqrt(2)), rel=1e-6)


def test_nmse_of_soft_labels():
    """Targets (.6, .8), already of length 1, and scores (3, 0, 0, 4): 2 - 2 * .36."""
    loss = NMSE().compute_user_loss("train", scores_of([3, 0, 0, 4], (0.6, 0.8)), 0)
    assert float(loss[0]) == pytest.approx(1.28, rel=1e-6)


def test_nmse_does_not_look_at_the_size_of_scores_and_targets():
    one, other = (
        NMSE().compute_user_loss("train", scores_of(np.multiply(size, [3, 1, 2]), (size, size)), 0)
        for size in (0.01, 1000)
    )
    assert float(one[0]) == pytest.approx(float(other[0]), rel=1e-4)


def test_nmse_reads_normalised_scores():
    """(3, 0, 0, 4) / 5: means of .6 and 0, and of 0 and .8."""
    clicked, others = NMSE().read_users(scores_of([3, 0, 0, 4]))
    assert (float(clicked[0]), float(others[0])) == pytest.approx((0.3, 0.4))


def test_multinomial_by_hand():
    """Shares 1/10, 2/10 and 7/10; clicks weigh 1 and .5: -log .1 - .5 log .2."""
    scores = scores_of(np.log([1, 2, 7]), (1.0, 0.5))
    loss = Multinomial().compute_user_loss("train", scores, 0)
    assert float(loss[0]) == pytest.approx(-math.log(0.1) - 0.5 * math.log(0.2), rel=1e-6)
    clicked, others = Multinomial().read_users(scores)
    assert (float(clicked[0]), float(others[0])) == pytest.approx((0.15, 0.7))


def test_neither_gives_probabilities():
    assert not NMSE.gives_probabilities
    assert not Multinomial.gives_probabilities


def least_loss(histories, steps=4000, rate=0.05):
    """The least NMSE of X (A A' - I) over rows of A of length 1, by plain descent."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(histories.shape[1],) * 2)
    for _ in range(steps):
        length = np.linalg.norm(table, axis=1, keepdims=True)
        vectors = table / length
        scores = histories @ vectors @ vectors.T - histories
        sizes = np.linalg.norm(scores, axis=1, keepdims=True)
        wanted = histories / np.linalg.norm(histories, axis=1, keepdims=True)
        cosine = (wanted * scores).sum(1, keepdims=True) / sizes
        upstream = -2 * (wanted - cosine * scores / sizes) / sizes / len(histories)
        towards = histories.T @ upstream
        gradient = (towards + towards.T) @ vectors
        gradient -= (gradient * vectors).sum(1, keepdims=True) * vectors
        table -= rate * gradient / length
    return (2 - 2 * cosine).mean()


def test_elsa_of_as_many_dimensions_as_items_comes_to_the_least_loss():
    """Which another program finds, dense, in float64, by a gradient of its own."""
    rng = np.random.default_rng(3)
    histories = (rng.random((12, 6)) < 0.5).astype(float)
    histories = histories[histories.sum(1) > 1]
    users, items = np.nonzero(histories)
    pairs = Interactions(users, items, np.arange(len(histories)), np.arange(6))
    model = DeCAModel(ELSA(len(histories), 6, embedding_dim=6, corruption=0.0), NMSE())
    model.compile(Adam(0.02), steps_per_execution=100)
    history = model.fit(pairs, epochs=6, steps_per_epoch=100, verbose=0, users_per_batch=100)
    assert history.history["loss"][-1] == pytest.approx(least_loss(histories), abs=0.01)
