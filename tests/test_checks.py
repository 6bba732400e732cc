"""Checks of what users pass in: what is let through, and what the errors say."""

import numpy as np
import pytest

from deca_tf._checks import check_choice, check_flag, check_integer, check_range, did_you_mean


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("gfm", " Did you mean 'gmf'?"),
        ("mf", " Did you mean 'mf'?"),
        ("lightgcn", ""),
        (3, ""),
        (None, ""),
    ],
)
def test_nearest_name_is_suggested_if_any_is_near(received, expected):
    assert did_you_mean(received, ["gmf", "mf"]) == expected


def test_known_choice_is_returned():
    assert check_choice("backbone", "mf", ["gmf", "mf"]) == "mf"


def test_unknown_choice_is_refused_with_the_choices_what_came_and_the_nearest():
    with pytest.raises(ValueError) as caught:
        check_choice("backbone", "gfm", ["gmf", "mf"])
    assert str(caught.value) == (
        "`backbone` must be one of 'gmf', 'mf'. Received: backbone='gfm'. Did you mean 'gmf'?"
    )


@pytest.mark.parametrize("received", [0, 1, 0.5, np.float32(0.5), np.float64(0.5), np.int64(1)])
def test_number_in_range_is_returned_as_a_float(received):
    checked = check_range("alpha", received, 0, 1)
    assert type(checked) is float
    assert checked == received


@pytest.mark.parametrize(
    "received", [-0.1, 1.1, float("nan"), float("inf"), "0.5", None, True, [0.5], 1j]
)
def test_what_is_no_number_in_range_is_refused(received):
    with pytest.raises(ValueError) as caught:
        check_range("alpha", received, 0, 1)
    assert (
        str(caught.value)
        == f"`alpha` must be a finite number in [0, 1]. Received: alpha={received!r}."
    )


def test_range_without_an_upper_bound_still_excludes_infinity():
    assert check_range("c1", 1e300, 0) == 1e300
    with pytest.raises(
        ValueError, match=r"`c1` must be a finite number of at least 0\. Received: c1=inf\."
    ):
        check_range("c1", float("inf"), 0)


@pytest.mark.parametrize("received", [1, 7, 7.0, np.int32(7), np.uint8(7), np.float64(7)])
def test_whole_number_is_returned_as_an_int(received):
    checked = check_integer("epochs", received)
    assert type(checked) is int
    assert checked == received


@pytest.mark.parametrize(
    "received", [0, -1, 1.5, float("nan"), float("inf"), "7", None, True, [7], 1j]
)
def test_what_is_no_positive_whole_number_is_refused(received):
    with pytest.raises(ValueError) as caught:
        check_integer("epochs", received)
    assert (
        str(caught.value)
        == f"`epochs` must be an integer of at least 1. Received: epochs={received!r}."
    )


def test_lower_bound_of_integers_can_be_zero():
    assert check_integer("seed", 0, low=0) == 0
    with pytest.raises(ValueError, match="`seed` must be an integer of at least 0"):
        check_integer("seed", -1, low=0)


@pytest.mark.parametrize(
    ("received", "expected"), [(True, True), (np.False_, False), (1, True), (0, False)]
)
def test_flags_are_returned_as_bools(received, expected):
    assert check_flag("item_bias", received) is expected


@pytest.mark.parametrize("received", ["False", "", None, 2, 0.5, []])
def test_what_is_no_flag_is_refused(received):
    with pytest.raises(
        TypeError, match=r"`item_bias` must be true or false\. Received: item_bias="
    ):
        check_flag("item_bias", received)
