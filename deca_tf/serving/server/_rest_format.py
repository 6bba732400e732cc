"""TensorFlow Serving's JSON.

Rows (`instances`, `predictions`) and columns (`inputs`, `outputs`).
"""

import base64
import binascii
import json

import numpy as np

DEFAULT_SIGNATURE = "serving_default"


def parse_request(body, specs_of):
    """A request's parts.

    Args:
        body: bytes.
        specs_of: from a signature's name to `{input: tf.TensorSpec}`.

    Returns:
        `(signature, inputs, in_rows)`: its name; `{name: array of bytes objects}`; whether the
        answer is to be in rows.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise ValueError(f"JSON Parse error: {error}") from error
    if not isinstance(request, dict):
        raise ValueError("JSON Value must be an object with 'instances' or 'inputs'.")
    signature = request.get("signature_name") or DEFAULT_SIGNATURE
    if not isinstance(signature, str):
        raise ValueError("'signature_name' must be a string.")
    if ("instances" in request) == ("inputs" in request):
        raise ValueError(
            "Missing 'inputs' or 'instances' key, or both are there: one of them must be."
        )
    names = list(specs_of(signature))
    in_rows = "instances" in request
    columns = (
        _columns_of_rows(request["instances"], names)
        if in_rows
        else _columns(request["inputs"], names)
    )
    return signature, {name: _array(name, values) for name, values in columns.items()}, in_rows


def format_answer(outputs, in_rows):
    """The body of an answer.

    Args:
        outputs: `{name: array}`, all equally long.
        in_rows: as `parse_request` gave it.

    Returns:
        Bytes.
    """
    columns = {name: _plain(value.tolist(), name) for name, value in sorted(outputs.items())}
    if in_rows:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        found = {
            "predictions": [next(iter(row.values())) for row in rows] if len(columns) == 1 else rows
        }
    else:
        found = {"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}
    return json.dumps(found, ensure_ascii=False).encode()


def _columns_of_rows(instances, names):
    if not isinstance(instances, list) or not instances:
        raise ValueError("'instances' must be a list with at least one value.")
    if not any(isinstance(each, dict) and set(each) != {"b64"} for each in instances):
        if len(names) != 1:
            raise ValueError(f"'instances' must be objects with the inputs {sorted(names)}.")
        return {names[0]: instances}
    for number, each in enumerate(instances):
        if not isinstance(each, dict) or set(each) != set(names):
            raise ValueError(
                f"Instance {number} must be an object with the inputs {sorted(names)}. Received: "
                f"{each!r}."
            )
    return {name: [each[name] for each in instances] for name in names}


def _columns(inputs, names):
    if isinstance(inputs, dict) and set(inputs) != {"b64"}:
        return inputs
    if len(names) != 1:
        raise ValueError(f"'inputs' must be an object with {sorted(names)}.")
    return {names[0]: inputs}


def _array(name, values):
    """Nested lists of strings as an array of bytes."""
    shape, flat = _flatten(name, values)
    array = np.empty(len(flat), dtype=object)
    array[:] = [_bytes(name, each) for each in flat]
    return array.reshape(shape)


def _flatten(name, values):
    if not isinstance(values, list):
        raise ValueError(f"Input '{name}' must be a list. Received: {values!r}.")
    if not any(isinstance(each, list) for each in values):
        return (len(values),), values
    if (
        not all(isinstance(each, list) for each in values)
        or len({len(each) for each in values}) > 1
    ):
        raise ValueError(f"Lists in input '{name}' must be equally long: pad them with ''.")
    return (len(values), len(values[0])), [each for row in values for each in row]


def _bytes(name, value):
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"Input '{name}' holds what is no base 64: {error}.") from error
    raise ValueError(
        f"JSON Value: {json.dumps(value)} in input '{name}' is not of expected type: string."
    )


def _plain(value, name):
    if isinstance(value, list):
        return [_plain(each, name) for each in value]
    if isinstance(value, bytes):
        return (
            {"b64": base64.b64encode(value).decode()} if name.endswith("_bytes") else value.decode()
        )
    return value
