"""Registry: parts found by name, loaded when first used, built from options that are checked."""

import importlib
import re
import typing

from deca_tf._checks import check_choice, did_you_mean
from deca_tf.parts.part import settable

OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
FRAMEWORKS = ("keras", "tensorflow", "builtins")


class Row(typing.NamedTuple):
    """What a registry knows of a part without importing it.

    Attributes:
        where: "module:Class".
        summary: what it is, in a sentence; tables and `--help` are made of it.
        given: arguments that the name stands for, `{argument: value}`: no options.
    """

    where: str
    summary: str = ""
    given: typing.Mapping = {}


class Registry:
    """Maps names to classes without importing them.

    Args:
        kind: what the parts are, for messages: 'backbone', 'denoiser'.
        rows: `{name: Row}`, or `{name: "module:Class"}`.
        base: "module:Class" that a part descends from, or several of which it is one. Then
            "package.module:Class" of another package stands for a part wherever a name does.

    Example:
        >>> rows = {"mf": Row("deca_tf.backbones.mf:MF", "Dot products.")}
        >>> BACKBONES = Registry("backbone", rows)
        >>> BACKBONES.summaries()
        {'mf': 'Dot products.'}
    """

    def __init__(self, kind, rows, base=None):
        self.kind = kind
        self.base = base
        self._rows = {
            name: Row(row) if isinstance(row, str) else Row(*row) for name, row in rows.items()
        }

    def joined(self, other):
        """The parts of both, called what these are called in messages: a `Registry`."""
        return Registry(self.kind, {**self._rows, **other._rows}, (*self._bases, *other._bases))

    @property
    def _bases(self):
        return self.base if isinstance(self.base, tuple) else (self.base,)

    @property
    def names(self):
        """All names, sorted."""
        return tuple(sorted(self._rows))

    def summaries(self):
        """What each part is, `{name: sentence}`, in the order of the rows. Imports no part."""
        return {name: row.summary for name, row in self._rows.items()}

    def homes(self):
        """Modules of the classes, `{class: module}`. Imports no part."""
        homes = (row.where.partition(":") for row in self._rows.values())
        return {class_name: module for module, _, class_name in homes}

    def load(self, name):
        """The class behind a name, or behind "package.module:Class".

        Raises:
            ValueError: no such name; says which there are and which is nearest. Or the module has
                no such class.
            ImportError: no such module.
            TypeError: the class is none of the kind.
        """
        if self.base is not None and is_own(name):
            return self._load_own(name)
        if name not in self._rows and self.base is not None:
            choices = ", ".join(repr(known) for known in self.names)
            raise ValueError(
                f"`{self.kind}` must be one of {choices}, or a class of your own, "
                f"'package.module:Class'. Received: {self.kind}={name!r}."
                f"{did_you_mean(name, self.names)}"
            )
        check_choice(self.kind, name, self.names)
        return _load(self._rows[name].where)

    def _load_own(self, name):
        found = load_own(self.kind, name)
        bases = tuple(map(_load, self._bases))
        if not (isinstance(found, type) and issubclass(found, bases)):
            what = "another class" if isinstance(found, type) else f"a {type(found).__name__}"
            raise TypeError(
                f"`{self.kind}` must be a subclass of {' or '.join(map(_public, self._bases))}. "
                f"Received: {self.kind}={name!r}, which is {what}."
            )
        return found

    def options(self, name):
        """What a user may set: `{argument: default}`, as declared, or else from signatures."""
        found = settable(self.load(name))
        return {key: value for key, value in found.items() if key not in self._given(name)}

    def _given(self, name):
        return self._rows[name].given if name in self._rows else {}

    def build(self, name, *, options=None, **arguments):
        """An instance.

        Args:
            name: of the part.
            options: what the user chose, `{argument: value}`; refused when unknown.
            **arguments: what the caller supplies: sizes, networks, a seed.

        Raises:
            ValueError: an unknown name or option, or a value that the class refuses.
        """
        self.check_options(name, options or {})
        return self.load(name)(**{**arguments, **self._given(name), **(options or {})})

    def check_options(self, name, options):
        """Refuses options that the part does not have, and values that an option does not take.

        Raises:
            ValueError: naming the option, those there are and the nearest; or the value.
            TypeError: a value of the wrong kind.
        """
        known = self.options(name)
        declared = getattr(self.load(name), "declared", {})
        for option, value in options.items():
            if option not in known:
                listed = ", ".join(known) or "none"
                raise ValueError(
                    f"The options of {self.kind} {name!r} are {listed}. Received: "
                    f"{self.kind}.{option}={value!r}."
                    f"{did_you_mean(option, known)}"
                )
            if option in declared:
                declared[option].checked(value)


def is_own(name):
    """Whether a name is a part of another package, "package.module:Class"."""
    return isinstance(name, str) and OWN.fullmatch(name) is not None


def load_own(kind, name):
    """What "package.module:name" stands for. The module is imported: by its user's word alone.

    Raises:
        ImportError: no such module.
        ValueError: the module has no such name.
    """
    module_name, _, wanted = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # it was found, and misses something itself
        raise ImportError(
            f"`{kind}` must name a module that Python finds. Received: {kind}={name!r}, and there "
            f"is no {error.name!r}. Install it, work in the folder that holds it, or add that "
            "folder to PYTHONPATH."
        ) from error
    if not hasattr(module, wanted):
        raise ValueError(
            f"`{kind}` must name something of the module {module_name!r}. Received: "
            f"{kind}={name!r}.{did_you_mean(wanted, vars(module))}"
        )
    return getattr(module, wanted)


def _public(where):
    """A class of ours by its public place, that of the room which its module is in."""
    module, _, class_name = where.partition(":")
    room = module.rpartition(".")[0] if module.startswith("deca_tf.") else module
    return f"{room}.{class_name}"


def _load(where):
    module, _, class_name = where.partition(":")
    return getattr(importlib.import_module(module), class_name)


def deserialize(config):
    """A part, from what Keras saved of it.

    Keras finds a class by its registered name, which it knows only once the class's module has been
    imported. Our own modules are imported late, so that is done here. No module of another package
    is: a file of weights must not say what code to run.

    Args:
        config: what `keras.saving.serialize_keras_object` gave.

    Returns:
        The Keras object.

    Raises:
        TypeError: a class of another package that has not been imported.
    """
    import keras

    module = (config or {}).get("module") or ""
    if module.startswith("deca_tf."):
        importlib.import_module(module)
    registered = (config or {}).get("registered_name")
    own = registered and module and module.partition(".")[0] not in ("deca_tf", *FRAMEWORKS)
    if own and keras.saving.get_registered_object(registered) is None:
        raise TypeError(
            f"Classes of other packages must be imported before a model is loaded. Received: a "
            f"model with {registered!r}. Import {module!r} first, and register the class by "
            "`keras.saving.register_keras_serializable`."
        )
    return keras.saving.deserialize_keras_object(config)
