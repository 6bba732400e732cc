"""An option declared once.

Constructor, checks, attribute, config, search space and docstring follow.
"""

import inspect
from dataclasses import KW_ONLY, InitVar

import keras
import keras_tuner
import pytest

from deca_tf.backbones import MF
from deca_tf.denoisers import DeCA
from deca_tf.parts.options import Between, OneOf, option
from deca_tf.parts.part import Part, settable


class Kind(Part, family="kind"):
    """A kind of part.

    Raises:
        ValueError: always said here.
    """

    size: int = option(doc="How large.")
    _: KW_ONLY
    seed: int = option(default=0, low=0, doc="Fixes it.")


class Own(Kind):
    """One of the kind."""

    rate: float = option(default=0.5, low=0, below=1, search=Between(0.1, 0.9), doc="How fast.")
    data: InitVar[list] = option(default=None, doc="What it learns from.")
    _: KW_ONLY
    way: str = option(default="a", choices=("a", "b"), search=OneOf("a", "b"), doc="Which way.")
    layers: int = option(default=2, attribute="num_layers", doc="How many.")
    state: int | None = option(default=None, hidden=True, doc="As it was saved.")

    def setup(self, data):
        self.learned = list(data or ())


def test_arguments_come_in_the_order_of_their_declarations_those_of_the_base_first():
    assert str(inspect.signature(Own)) == (
        "(size, rate=0.5, data=None, *, seed=0, way='a', layers=2, state=None)"
    )
    own = Own(3, 0.25, [1, 2], way="b")
    assert (own.size, own.rate, own.learned, own.way, own.num_layers) == (3, 0.25, [1, 2], "b", 2)
    assert not hasattr(own, "data")
    assert not hasattr(own, "layers")


def test_the_config_makes_the_part_again():
    config = Own(3, layers=5, seed=7).get_config()
    assert config == {"size": 3, "seed": 7, "rate": 0.5, "way": "a", "layers": 5, "state": None}
    assert Own(**config).get_config() == config


def test_none_may_be_one_of_the_numbers_that_are_searched():
    """Keras Tuner's choices are of one type, so it is asked for 0 in its place."""
    searched = OneOf(None, 7.0, 30.0)
    declared = option(default=None, above=0, search=searched, doc="Days.")
    hp = keras_tuner.HyperParameters()
    assert searched.ask(hp, "kind.days", declared) is None
    assert hp.space[0].values == [0.0, 7.0, 30.0]
    hp.values["kind.days"] = 30.0
    assert searched.ask(hp, "kind.days", declared) == 30.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 0}, "`size` must be an integer of at least 1. Received: size=0"),
        ({"size": 1, "seed": -1}, "`seed` must be an integer of at least 0. Received: seed=-1"),
        ({"size": 1, "rate": 1}, "`rate` must be below 1. Received: rate=1"),
        ({"size": 1, "rate": 2}, r"`rate` must be a finite number in \[0, 1\]. Received: rate=2"),
        ({"size": 1, "way": "c"}, "`way` must be one of 'a', 'b'. Received: way='c'"),
    ],
)
def test_values_are_checked(given, message):
    with pytest.raises(ValueError, match=message):
        Own(**given)


def test_arguments_that_are_missing_or_unknown_are_named():
    with pytest.raises(TypeError, match="Own: missing a required argument: 'size'"):
        Own()
    with pytest.raises(TypeError, match="Own takes size, seed, rate, .*layers. Received: width=2"):
        Own(1, width=2)


def test_arguments_that_neither_a_part_nor_keras_knows_are_refused_with_the_nearest():
    for make, received in (
        (lambda: DeCA(c3=3), "c3=3."),
        (lambda: DeCA(auxilary=None), "auxilary=None. Did you mean 'auxiliary'?"),
        (lambda: MF(60, 49, dim=3), "dim=3. Did you mean 'embedding_dim'?"),
    ):
        with pytest.raises(TypeError) as caught:
            make()
        assert str(caught.value).endswith(f". Received: {received}")
    with pytest.raises(TypeError, match="MF takes num_users, num_items, seed, .*embedding_dim, "):
        MF(60, 49, dim=3)


def test_keras_s_own_arguments_pass():
    regularizer = keras.regularizers.L2(0.1)
    given = {"name": "mine", "trainable": False, "dtype": "mixed_bfloat16"}
    for part in (
        MF(6, 4, activity_regularizer=regularizer, autocast=True, **given),
        DeCA(activity_regularizer=regularizer, **given),
    ):
        assert (part.name, part.trainable, part.compute_dtype) == ("mine", False, "bfloat16")
        assert part.activity_regularizer is regularizer
    with pytest.raises(ValueError, match="`trainable` to be a boolean"):
        MF(6, 4, trainable="no")


def test_what_a_user_may_set():
    assert settable(Own) == {"seed": 0, "rate": 0.5, "data": None, "way": "a", "layers": 2}


def test_the_space_asks_for_what_is_declared():
    hp = keras_tuner.HyperParameters()
    assert Own.search_space(hp) == {"rate": 0.5, "way": "a"}
    assert set(hp.values) == {"kind.rate", "kind.way"}


def test_the_docstring_gets_its_arguments_before_what_else_it_says():
    arguments, rest = Kind.__doc__.split("Raises:")
    assert "    size: How large. An integer of at least 1." in arguments
    assert "    seed: Fixes it. An integer of at least 0; default 0." in arguments
    assert "always said here" in rest
    assert "rate: How fast. In [0, 1); default 0.5." in Own.__doc__
    assert "state" not in Own.__doc__


def test_a_class_with_a_constructor_of_its_own_is_a_part_too():
    class Plain(Kind):
        def __init__(self, size, width=3, **kwargs):
            super().__init__(size, **kwargs)
            self.width = width

    assert settable(Plain) == {"seed": 0, "width": 3}
    plain = Plain(2, seed=4)
    assert (plain.size, plain.seed, plain.width) == (2, 4, 3)
    assert "width" in inspect.signature(Plain).parameters
