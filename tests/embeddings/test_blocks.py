"""Work in blocks against the same work at one go."""

import re

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.embeddings import blocks
from deca_tf.embeddings.blocks import half_squares_in_blocks, pays, update_in_blocks
from deca_tf.embeddings.row_gradients import whole
from deca_tf.optimizers import Adam
from deca_tf.training._penalty import KINDS, penalty_of

ROWS = 13_001  # of 7 numbers: two blocks, and three quarters of a third


def table(seed, rows=ROWS):
    return np.random.default_rng(seed).normal(size=(rows, 7)).astype(np.float32)


def compiled(function):
    return tf.function(function, jit_compile=True, autograph=False)


@pytest.mark.parametrize(
    "rows", [ROWS, blocks.BLOCK], ids=["a part of a block left", "blocks without rest"]
)
def test_tables_are_replaced_one_after_the_other_and_each_number_once(rows):
    gradient, first, second = table(0, rows), table(1, rows), table(2, rows)
    steps = [lambda g, a, b: 2.0 * a + g + b, lambda g, a, b: a + 3.0 * b - g]
    received = compiled(lambda *given: update_in_blocks(steps, given[0], given[1:]))(
        gradient, first, second
    )
    new_first = 2 * first + gradient + second
    np.testing.assert_allclose(received[0], new_first, atol=1e-5)
    np.testing.assert_allclose(received[1], new_first + 3 * second - gradient, atol=1e-5)


def test_half_of_the_sum_of_squares():
    given = table(0)
    expected = np.square(given.astype(np.float64)).sum() / 2
    assert float(compiled(half_squares_in_blocks)(given)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_with_a_penalty_copies_no_table(kind, monkeypatch):
    """XLA copies a table that it may have to read after it has been replaced.

    For each block, if one is not careful.
    """
    for user in ("optimizers.adam", "training._penalty"):
        monkeypatch.setattr(f"deca_tf.{user}.pays", lambda table: True)
    weight, optimizer = tf.Variable(table(0)), Adam(0.01)
    optimizer.build([weight])

    @compiled
    def update(rows, ids):
        penalty, pulls = penalty_of([weight], 0.1, kind, compiled=True)
        optimizer.apply([whole(tf.IndexedSlices(rows, ids), weight, *pulls)], [weight])
        return penalty

    given = tf.constant(table(5, 20)), tf.range(20)
    code = update.experimental_get_compiler_ir(*given)(stage="optimized_hlo")
    assert code.count(" while(") == 2  # the penalty's and Adam's
    copied = re.findall(r"= f32\[([\d,]+)\]\S* copy\(", code)
    assert [
        shape
        for shape in copied
        if np.prod([int(size) for size in shape.split(",")]) >= blocks.BLOCK
    ] == []


def test_blocks_pay_for_large_tables_in_a_graph_on_a_cpu_of_few_threads(monkeypatch):
    def says(rows):
        return bool(tf.function(lambda: tf.constant(pays(tf.zeros((rows, 7)))))())

    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 1)
    assert says(ROWS)
    assert not says(ROWS // 2)
    assert not pays(tf.zeros((ROWS, 7)))
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert not says(ROWS)
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 8)
    assert not says(ROWS)
    monkeypatch.setattr(
        tf.config.threading, "get_intra_op_parallelism_threads", lambda: 0
    )  # all that there are
    monkeypatch.setattr(blocks.os, "cpu_count", lambda: 16)
    assert not says(ROWS)


@pytest.mark.parametrize("in_blocks", [True, False])
def test_adam_is_the_same_in_blocks(in_blocks, monkeypatch):
    monkeypatch.setattr("deca_tf.optimizers.adam.pays", lambda table: in_blocks)
    weight, gradients = table(0), [table(seed) for seed in (1, 2, 3)]
    variable, optimizer = tf.Variable(weight), Adam(0.01)
    optimizer.build([variable])
    apply = tf.function(lambda gradient: optimizer.apply([gradient], [variable]), autograph=False)
    for gradient in gradients:
        apply(gradient)
    m = v = np.zeros(weight.shape)
    expected = weight.astype(np.float64)
    for update, gradient in enumerate(gradients, 1):  # Kingma and Ba, Algorithm 1
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * np.square(gradient, dtype=np.float64)
        expected -= 0.01 * m / (1 - 0.9**update) / (np.sqrt(v / (1 - 0.999**update)) + 1e-8)
    np.testing.assert_allclose(variable, expected, atol=1e-5)
