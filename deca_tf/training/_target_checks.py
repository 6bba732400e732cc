"""Checks of the networks that a `DeCAModel` is made of, before anything is trained."""

import re

import keras
import numpy as np

from deca_tf.backbones.backbone import Backbone
from deca_tf.data import schema
from deca_tf.denoisers import DENOISERS
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.parts.part import check_saves_options

NAMES = (schema.USER_ID, schema.ITEM_ID)
IDS = f"{{{NAMES[0]!r}, {NAMES[1]!r}}}"
PAIRS = 3  # a batch of so many: nothing else in a model should have this length by chance
PROBABILITIES = (keras.activations.sigmoid, keras.activations.softmax)


def check_denoiser(denoiser):
    """Refuses what is neither a `Denoiser` nor None.

    Raises:
        TypeError: saying what came.
    """
    if denoiser is None or isinstance(denoiser, Denoiser):
        return
    remedy = ""
    if isinstance(denoiser, type):
        remedy = f" Call the class: `{denoiser.__name__}()`."
    elif isinstance(denoiser, str) and denoiser in DENOISERS.names:
        remedy = f" Write `deca_tf.denoisers.{DENOISERS.load(denoiser).__name__}()`."
    raise TypeError(
        "`denoiser` must be a Denoiser such as deca_tf.denoisers.DeCA(). Received: "
        f"denoiser={denoiser!r} of type {type(denoiser).__name__}.{remedy}"
    )


def check_parts(target, denoiser):
    """Refuses one network in two places, and parts that would lose an option when saved.

    Args:
        target: a `keras.Model`.
        denoiser: a `Denoiser` or None; what is not there yet of its networks will be made.

    Raises:
        ValueError: naming the two places.
        TypeError: naming the option.
    """
    places = {"target": target}
    for name in getattr(denoiser, "networks", ()):
        network = getattr(denoiser, name)
        for other, given in places.items():
            if network is given and network is not None:
                raise ValueError(
                    f"`{other}` and `{name}` must be different networks: each learns for itself. "
                    f"Received: {network.name!r} as both. Make two, of different seeds."
                )
        places[name] = network
    if getattr(denoiser, "layout", None) == "users" and not hasattr(target, "histories_of"):
        raise ValueError(
            f"`target` must encode users' histories under {type(denoiser).__name__}, as "
            f"deca_tf.backbones.ELSA and CDAE do. Received: a {type(target).__name__}. Take one of "
            "them, or `deca_tf.denoisers.Softmax()`."
        )
    for part in (*places.values(), denoiser):
        check_saves_options(part)


def check_network(name, network):
    """Refuses a model that does not map ids of users and items, by name, to logits.

    It must answer one logit for each pair.

    It is asked for three pairs, those of the first and the last ids among them, as in inference:
    what it keeps of random numbers and of batches does not change. A model that has not been built
    is built by it.

    Args:
        name: of the argument, for messages.
        network: a `keras.Model`.

    Raises:
        ValueError: saying what came, and what to do.
    """
    _check_policy(name, network)
    if type(network).__module__.startswith("deca_tf."):
        return  # tests/backbones/test_contract.py asks them all
    _check_inputs(name, network)
    _check_activation(name, network)
    last = {
        ids: (getattr(network, size, None) or 1) - 1
        for ids, size in zip(NAMES, ("num_users", "num_items"), strict=True)
    }
    logits = _ask(name, network, last)
    if logits is not None:
        _check_logits(name, logits, last)


def _check_logits(name, logits, last):
    shape = getattr(logits, "shape", None)
    if shape is None or tuple(shape) != (PAIRS,):
        received, remedy = f"a {type(logits).__name__}", "Let it answer with one number per pair."
        if shape is not None:
            sizes = ["batch" if size == PAIRS else str(size) for size in shape]
            received = f"shape ({', '.join(sizes)})"
        if shape is not None and tuple(shape) == (PAIRS, 1):
            remedy = "End it with `keras.layers.Reshape(())`."
        raise ValueError(
            f"`{name}` must map {IDS}, each (batch,), to logits (batch,). Received: {received}. "
            f"{remedy}"
        )
    dtype = keras.backend.standardize_dtype(logits.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"`{name}` must answer with logits, which are floats. Received: {dtype}.")
    values = keras.ops.convert_to_numpy(keras.ops.cast(logits, "float32"))
    if np.isnan(values).any():
        raise ValueError(
            f"`{name}` must answer with numbers. Received: NaN for the pair (0, 0) or "
            f"{tuple(last.values())}. Look at its initial weights."
        )


def _check_policy(name, network):
    for layer in (network, *getattr(network, "layers", ())):
        if layer is not network and getattr(layer, "layers", ()):
            _check_policy(name, layer)
        elif layer.compute_dtype == "float16":
            raise ValueError(
                f"`{name}` must not compute in float16, in which gradients vanish unless the loss is scaled. "
                f"Received: dtype policy {layer.dtype_policy.name!r} of {layer.name!r}. Use 'mixed_bfloat16'."
            )


def _check_inputs(name, network):
    """Of a model whose inputs can be looked at: their names and kinds."""
    if isinstance(network, keras.Sequential):
        raise ValueError(
            f"`{name}` must take {IDS}. Received: a keras.Sequential, which takes one input. Write a functional model: "
            "`inputs = {name: keras.Input((), name=name, dtype='int32') for name in ('user_id', 'item_id')}`, "
            "`keras.Model(inputs, ...)`."
        )
    if not isinstance(network, keras.models.Model) or not getattr(network, "inputs", None):
        return
    given = network.input
    inputs = given if isinstance(given, dict) else {one.name: one for one in network.inputs}
    if not set(inputs) <= set(NAMES):
        received = ", ".join(map(repr, sorted(inputs)))
        raise ValueError(
            f"`{name}` must have inputs named 'user_id' and 'item_id'. Received: inputs named {received}. Name them: "
            "`keras.Input((), name='user_id', dtype='int32')`."
        )
    for input_name, one in inputs.items():
        if not keras.backend.is_int_dtype(one.dtype):
            raise ValueError(
                f"`{name}` must take integer ids: large ones cannot be told apart as floats. Received: input "
                f"{input_name!r} of dtype {one.dtype}. Write `keras.Input((), name={input_name!r}, dtype='int32')`."
            )


def _check_activation(name, network):
    """Of a model whose last layer can be looked at: a probability would be taken for a logit."""
    if not getattr(network, "inputs", None):
        return
    shapers = (keras.layers.Reshape, keras.layers.Flatten)
    last = next(
        (layer for layer in reversed(network.layers) if not isinstance(layer, shapers)), None
    )
    activation = getattr(last, "activation", None)
    if activation in PROBABILITIES:
        raise ValueError(
            f"`{name}` must answer with logits, of which the denoiser takes the sigmoid itself. Received: last layer "
            f"{last.name!r} with activation {activation.__name__!r}. Leave the activation out."
        )


def _ask(name, network, last):
    """Logits of three pairs; None for a backbone that has to see the training data first."""
    pairs = {ids: np.array([0, highest, 0], "int32") for ids, highest in last.items()}
    try:
        return network(
            {ids: keras.ops.convert_to_tensor(those) for ids, those in pairs.items()},
            training=False,
        )
    except Exception as error:
        if isinstance(network, Backbone) and isinstance(error, RuntimeError):
            return None  # CDAE's and LightGCN's kind, before `adapt`
        if any(last.values()):
            try:
                network({ids: keras.ops.zeros((PAIRS,), "int32") for ids in NAMES}, training=False)
            except Exception:  # then ids are not what is wrong
                pass
            else:
                sizes = ", ".join(f"{highest}" for highest in last.values())
                raise ValueError(
                    f"`{name}` must take all ids below its `num_users` and `num_items`. Received: a model that fails "
                    f"at the last ids, {sizes}, with {_in_one_line(error)}. Make its tables as large as it says."
                ) from error
        raise ValueError(
            f"`{name}` must map {IDS}, int32 tensors (batch,), to logits (batch,). Received: a model that fails at "
            f"them with {_in_one_line(error)}."
        ) from error


def _in_one_line(error):
    said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    text = re.sub(r"\x1b\[[0-9;]*m", "", said)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered"):
        lines = lines[1:]
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(".")
