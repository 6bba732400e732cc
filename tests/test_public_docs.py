"""Every public name says how stable it is and has type hints; every example in a docstring runs."""

import doctest
import importlib
import inspect
import pathlib
import types

import numpy as np
import pytest

import deca_tf

LIBRARY = pathlib.Path(deca_tf.__file__).parent
LEVELS = ("Stability: stable.", "Stability: provisional.", "Stability: experimental.")
ROOMS = [name for name in deca_tf.__all__ if (LIBRARY / name).is_dir() or name == "config"]
MODULES_WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in LIBRARY.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def public(room):
    """`(name, what it is)` of the classes and functions of a room, and of rooms within it."""
    module = importlib.import_module(f"deca_tf.{room}" if room else "deca_tf")
    for name in module.__all__:
        found = getattr(module, name)
        if inspect.ismodule(found) and room:
            yield from public(f"{room}.{name}")
        elif inspect.isclass(found) or inspect.isroutine(found):
            yield f"{room}.{name}", found


def without_hints(owner, function):
    """Names of a function's arguments that have no hint, and "return"."""
    parameters = list(inspect.signature(function).parameters.values())
    if inspect.isclass(owner) and not isinstance(function, staticmethod):
        parameters = parameters[1:]  # self
    missing = [each.name for each in parameters if each.annotation is inspect.Parameter.empty]
    return missing + ["return"] * ("return" not in getattr(function, "__annotations__", {}))


def functions_of(owner):
    """The function itself, or a class's public methods and properties, but Keras's."""
    if not inspect.isclass(owner):
        yield owner.__name__, owner
        return
    members = {}
    for base in reversed(owner.__mro__):
        if base.__module__.startswith("deca_tf."):
            members |= vars(base)
    for name, member in members.items():
        if name.startswith("_") and name not in ("__init__", "__call__"):
            continue
        if isinstance(member, property):
            member = member.fget
        if isinstance(member, classmethod | staticmethod):
            member = member.__func__
        if inspect.isfunction(member) and member.__module__.startswith("deca_tf."):
            yield name, member


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_a_public_name_says_how_stable_it_is(room):
    for name, found in public(room):
        assert (inspect.getdoc(found) or "").endswith(LEVELS), name


@pytest.mark.parametrize("room", ROOMS)
def test_a_public_name_has_type_hints(room):
    missing = {}
    for name, found in public(room):
        for part, function in functions_of(found):
            if without := without_hints(found, function):
                missing[f"{name}: {part}"] = without
    assert not missing


@pytest.fixture(scope="module")
def names():
    """What examples may use without saying so: a small split with known noise, and a model."""
    split = deca_tf.load_split("synthetic", num_users=60, num_items=40, num_clicks=600)
    target = deca_tf.backbones.MF(split.num_users, split.num_items)
    model = deca_tf.DeCAModel(target, deca_tf.denoisers.CrossEntropy())
    model.compile(deca_tf.optimizers.Adam(1e-2))
    model.fit(deca_tf.training_batches(split.train, batch_size=256), epochs=1, verbose=0)
    return types.SimpleNamespace(np=np, deca_tf=deca_tf, split=split, model=model)


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_the_examples_of_a_module_run(module, names, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(module)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    found = doctest.DocTestFinder(recurse=True).find(
        module, globs={**vars(module), **vars(names)}, extraglobs=None
    )
    assert any(each.examples for each in found)
    said = []
    for each in found:
        runner.run(each, out=said.append)
    assert not runner.failures, "".join(said)
