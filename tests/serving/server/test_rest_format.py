"""TensorFlow Serving's JSON, both ways."""

import json

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.serving.server._rest_format import format_answer, parse_request

ID, LIST = tf.TensorSpec([None], tf.string), tf.TensorSpec([None, None], tf.string)
SPECS = {"serving_default": {"user_id": ID}, "two": {"user_id": ID, "item_id": LIST}}


def parse(request):
    signature, inputs, in_rows = parse_request(json.dumps(request).encode(), SPECS.__getitem__)
    return signature, {name: values.tolist() for name, values in inputs.items()}, in_rows


@pytest.mark.parametrize(
    "request_, expected",
    [
        ({"instances": ["a", "ü"]}, ("serving_default", {"user_id": [b"a", "ü".encode()]}, True)),
        ({"instances": [{"user_id": "a"}]}, ("serving_default", {"user_id": [b"a"]}, True)),
        ({"inputs": ["a"]}, ("serving_default", {"user_id": [b"a"]}, False)),
        ({"inputs": {"user_id": []}}, ("serving_default", {"user_id": []}, False)),
        ({"instances": [{"b64": "/wA="}]}, ("serving_default", {"user_id": [b"\xff\x00"]}, True)),
        (
            {"signature_name": "two", "instances": [{"user_id": "a", "item_id": ["x", "y"]}]},
            ("two", {"user_id": [b"a"], "item_id": [[b"x", b"y"]]}, True),
        ),
        (
            {"signature_name": "two", "inputs": {"user_id": ["a"], "item_id": [["x"]]}},
            ("two", {"user_id": [b"a"], "item_id": [[b"x"]]}, False),
        ),
    ],
)
def test_rows_and_columns_are_read(request_, expected):
    assert parse(request_) == expected


@pytest.mark.parametrize(
    "request_, match",
    [
        (["a"], "must be an object"),
        ({}, "'inputs' or 'instances'"),
        ({"inputs": ["a"], "instances": ["a"]}, "one of them must be"),
        ({"instances": []}, "at least one"),
        ({"instances": "a"}, "must be a list"),
        ({"instances": [3]}, "JSON Value: 3 in input 'user_id' is not of expected type: string"),
        ({"instances": [None]}, "JSON Value: null"),
        ({"instances": [{"b64": "?"}]}, "no base 64"),
        ({"instances": [{"user": "a"}]}, r"Instance 0 must be an object with.*\['user_id'\]"),
        ({"instances": [{"user_id": "a"}, "b"]}, "Instance 1 must be"),
        ({"signature_name": "two", "instances": ["a"]}, "must be objects with the inputs"),
        ({"signature_name": "two", "inputs": ["a"]}, "must be an object with"),
        (
            {"signature_name": "two", "inputs": {"user_id": ["a"], "item_id": [["x"], []]}},
            "equally long: pad them",
        ),
        ({"signature_name": 3, "inputs": ["a"]}, "'signature_name' must be a string"),
    ],
)
def test_what_is_wrong_is_said(request_, match):
    with pytest.raises(ValueError, match=match):
        parse(request_)


def test_what_is_no_json_is_said():
    with pytest.raises(ValueError, match="JSON Parse error"):
        parse_request(b"{", SPECS.__getitem__)


def test_answers_come_in_rows_or_columns():
    outputs = {
        "score": np.array([[1.5, 0.25]], np.float32),
        "item_id": np.array([["ü".encode(), b""]], object),
        "raw_bytes": np.array([b"\xff\x00"], object),
        "known": np.array([True]),
    }
    row = {"item_id": ["ü", ""], "known": True, "raw_bytes": {"b64": "/wA="}, "score": [1.5, 0.25]}
    assert json.loads(format_answer(outputs, True)) == {"predictions": [row]}
    assert json.loads(format_answer(outputs, False)) == {
        "outputs": {name: [value] for name, value in row.items()}
    }
    one = {"known": np.array([True, False])}
    assert json.loads(format_answer(one, True)) == {"predictions": [True, False]}
    assert json.loads(format_answer(one, False)) == {"outputs": [True, False]}
