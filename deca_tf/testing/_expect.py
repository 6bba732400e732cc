"""Sentences in place of `assert`, which Python leaves out when it optimizes."""

import numpy as np


def expect(kept, sentence):
    """Raises an AssertionError with the sentence where something is not kept."""
    if not kept:
        raise AssertionError(sentence)


def expect_close(received, expected, sentence, rtol=1e-5, atol=1e-6):
    """Likewise, where numbers differ by more than rounding; says by how much."""
    try:
        np.testing.assert_allclose(received, expected, rtol=rtol, atol=atol)
    except AssertionError as error:
        raise AssertionError(f"{sentence}{error}") from None


def expect_equal(received, expected, sentence):
    """Likewise, where numbers differ at all."""
    expect_close(received, expected, sentence, rtol=0, atol=0)


def refusal(sentence, kinds, function, *arguments, **options):
    """The message of the error that a call must raise."""
    try:
        function(*arguments, **options)
    except kinds as error:
        return str(error)
    raise AssertionError(sentence)
