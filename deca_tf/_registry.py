"""Registry: parts found by name, loaded when first used, built from options checked against their signature."""

import importlib
import inspect

from deca_tf._checks import check_choice, did_you_mean


class Registry:
    """Maps names to classes without importing them.

    Args:
        kind: what the parts are, for messages: 'backbone', 'denoiser'.
        rows: `{name: "module:Class"}`, or `{name: ("module:Class", {argument: value})}` where the
            name stands for a class with some of its arguments set.

    Example:
        >>> BACKBONES = Registry("backbone", {"mf": "deca_tf.backbones.mf:MF"})
        >>> BACKBONES.build("mf", num_users=3, num_items=4)
    """

    def __init__(self, kind, rows):
        self.kind = kind
        self._rows = {
            name: row if isinstance(row, tuple) else (row, {}) for name, row in rows.items()
        }

    @property
    def names(self):
        """All names, sorted."""
        return tuple(sorted(self._rows))

    @property
    def homes(self):
        """Where the classes are, "module:Class", each once."""
        return {home for home, _ in self._rows.values()}

    def load(self, name):
        """The class behind a name.

        Raises:
            ValueError: no such name; says which there are and which is nearest.
        """
        check_choice(self.kind, name, self.names)
        module, _, class_name = self._rows[name][0].partition(":")
        return getattr(importlib.import_module(module), class_name)

    def options(self, name):
        """What a user may set: `{argument: default}`, from the signatures of the class and its bases."""
        found = {}
        for cls in reversed(self.load(name).__mro__):
            if "__init__" in vars(cls) and cls.__module__.startswith("deca_tf."):
                for parameter in inspect.signature(vars(cls)["__init__"]).parameters.values():
                    if parameter.default is not inspect.Parameter.empty:
                        found[parameter.name] = parameter.default
        return {key: value for key, value in found.items() if key not in self._rows[name][1]}

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
        return self.load(name)(**{**arguments, **self._rows[name][1], **(options or {})})

    def check_options(self, name, options):
        """Refuses options that the part does not have.

        Raises:
            ValueError: naming the option, those there are and the nearest.
        """
        known = self.options(name)
        for option, value in options.items():
            if option not in known:
                listed = ", ".join(known) or "none"
                raise ValueError(
                    f"The options of {self.kind} {name!r} are {listed}. Received: "
                    f"{self.kind}.{option}={value!r}."
                    f"{did_you_mean(option, known)}"
                )


def deserialize(config):
    """A part, from what Keras saved of it.

    Keras finds a class by its registered name, which it knows only once the class's module has been
    imported; the registries import theirs late, so that is done here.

    Args:
        config: what `keras.saving.serialize_keras_object` gave.

    Returns:
        The Keras object.
    """
    import keras

    module = (config or {}).get("module") or ""
    if module.startswith("deca_tf."):
        importlib.import_module(module)
    return keras.saving.deserialize_keras_object(config)
