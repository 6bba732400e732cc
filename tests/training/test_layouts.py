"""Which layout an update has is what its denoiser declares."""

import pytest

from deca_tf.denoisers import CrossEntropy
from deca_tf.training import _clicks, _pairs
from deca_tf.training._layouts import layout_of


class OfClicks(CrossEntropy):
    layout = "clicks"


class OfNothing(CrossEntropy):
    layout = "triples"


def test_the_denoiser_chooses():
    assert layout_of(CrossEntropy()) is _pairs
    assert layout_of(OfClicks()) is _clicks


def test_an_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="`layout` must be one of 'pairs', 'clicks'"):
        layout_of(OfNothing())
