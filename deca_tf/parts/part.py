"""What has options: the base of backbones, denoisers and baselines."""

import dataclasses
import inspect
import re
import textwrap
import types
import typing

from deca_tf._checks import did_you_mean
from deca_tf.parts.options import Option, described, network, option

FRAMEWORKS = ("keras", "tensorflow", "builtins")
KERAS_ARGUMENTS = (
    *("name", "dtype", "trainable", "autocast", "activity_regularizer"),
    *("input_shape", "input_dim"),
)
# What may follow `Args:` in a docstring.
SECTIONS = re.compile(r"(Raises|Attributes|Example|Returns):|Stability: \w+\.")


@typing.dataclass_transform(field_specifiers=(option, network))
class Part:
    """What has options: the base of backbones, denoisers and baselines.

    The constructor takes what is declared and, where the part is a Keras object, Keras's own
    arguments. It checks all values, keeps them as attributes, then calls `setup`.

    A class that writes a constructor of its own is a part as well; it passes on what it does not
    know, and its options are then read from its signature.

    Attributes:
        declared: `{name: Option}`, its own and its bases'.
        family: name of the kind of part.
        table: of the settings that hold its options; its hyperparameters are `table.option`. Unset,
            the family.

    Stability: provisional.
    """

    declared: typing.ClassVar[dict[str, Option]] = {}
    family: typing.ClassVar[str] = ""
    table: typing.ClassVar[str] = ""
    _own: typing.ClassVar[dict[str, Option]] = {}
    _arguments: typing.ClassVar[inspect.Signature] = inspect.Signature()
    _generated: typing.ClassVar[typing.Any] = None  # the constructor that follows `_arguments`
    __signature__: typing.ClassVar[inspect.Signature | None] = None

    def __init_subclass__(cls, family: str | None = None, **kwargs: typing.Any) -> None:
        super().__init_subclass__(**kwargs)
        if family is not None:
            cls.family, cls._generated = family, cls.__init__
        cls._own = _take_declarations(cls)
        inherited: dict[str, Option] = {}
        for base in reversed(cls.__bases__):
            inherited |= getattr(base, "declared", {})
        cls.declared = inherited | cls._own
        cls._arguments = _signature(cls)
        cls.__signature__ = cls._arguments if cls.__init__ is cls._generated else None
        if cls.__doc__ and cls.declared:
            cls.__doc__ = _with_arguments(cls.__doc__, cls.declared.values())

    def __init__(self, *args: typing.Any, **kwargs: typing.Any) -> None:
        cls = type(self)
        try:
            bound = cls._arguments.bind(*args, **kwargs)
        except TypeError as error:
            if "kwargs" not in cls._arguments.parameters:
                _refuse_unknown(cls, kwargs)
            raise TypeError(f"{cls.__name__}: {error}.") from None
        given = bound.arguments
        passed_on = given.pop("kwargs", {})
        try:
            super().__init__(**passed_on)
        except ValueError:  # of Keras, perhaps of arguments that it does not know
            _refuse_unknown(cls, passed_on)
            raise
        init_only: dict[str, typing.Any] = {}
        for name, declared in cls.declared.items():
            value = declared.checked(given.get(name, declared.default))
            if declared.init_only:
                init_only[name] = value
            else:
                setattr(self, declared.attribute or name, value)
        self.setup(**init_only)

    def setup(self, *args: typing.Any, **init_only: typing.Any) -> None:
        """What follows from the options, which are attributes by now: weights, further checks."""

    @classmethod
    def search_space(cls, hp: typing.Any, space: str = "default") -> dict[str, typing.Any]:
        """What of the part is worth a search: what its options declare.

        Args:
            hp: Keras Tuner's `HyperParameters`; it is asked for "table.option".
            space: 'default', or 'paper' for what the paper searched.

        Returns:
            Options, `{name: value}`.
        """
        found = {}
        for name, declared in cls.declared.items():
            searched = declared.search
            if space == "paper" and declared.paper is not None:
                searched = declared.paper
            if searched is not None:
                found[name] = searched.ask(hp, f"{cls.table or cls.family}.{name}", declared)
        return found

    def get_config(self) -> dict[str, typing.Any]:
        """What the constructor takes, for Keras to save.

        Its own arguments, and all that is declared.
        """
        inherited: dict[str, typing.Any] = getattr(super(), "get_config", dict)()
        return {
            **inherited,
            **{
                name: declared.saved(getattr(self, declared.attribute or name))
                for name, declared in self.declared.items()
                if not declared.init_only
            },
        }


def register(cls):
    """Tells Keras a class's name, so that what was saved with it can be loaded.

    Ours are "deca_tf>Class". Another package's are "package.module>Class": two of its classes may
    have the same name.
    """
    import keras

    package = "deca_tf" if cls.__module__.startswith("deca_tf.") else cls.__module__
    keras.saving.register_keras_serializable(package=package)(cls)


def settable(cls):
    """What a user may set of a class, `{argument: default}`.

    Declared, or with a default in a signature.

    Arguments of Keras's own constructors are none of them.
    """
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] in FRAMEWORKS:
            continue
        for name, declared in vars(base).get("_own", {}).items():
            found.pop(name, None)
            if declared.is_settable:
                found[name] = declared.default
        if "__init__" in vars(base):
            for parameter in inspect.signature(vars(base)["__init__"]).parameters.values():
                if parameter.default is not inspect.Parameter.empty:
                    found[parameter.name] = parameter.default
    return found


def check_saves_options(part):
    """Refuses a part that would lose an option when it is saved.

    That is an argument in the signature of a class of another package, which is neither declared
    nor in the config: the part would be loaded with the default.

    Args:
        part: a `Part`, or any other object, of which nothing is asked.

    Raises:
        TypeError: naming the option and the class.
    """
    cls = type(part)
    if not isinstance(part, Part) or cls.__module__.startswith("deca_tf."):
        return
    asked = [name for name in _own_arguments(cls) if name not in (*cls.declared, *KERAS_ARGUMENTS)]
    if not asked:
        return
    try:
        config = part.get_config()
    except NotImplementedError:  # it cannot be saved, and says so itself
        return
    for name in asked:
        if name not in config:
            raise TypeError(
                f"Option `{name}` of {cls.__module__}:{cls.__qualname__} must be declared by "
                "`deca_tf.parts.option` or be in `get_config()`, or the saved model loses it. "
                f"Received: a config with {', '.join(config) or 'nothing'}."
            )


def _own_arguments(cls):
    """Names in the signatures of constructors of other packages, as far as they pass on."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] in (*FRAMEWORKS, "deca_tf"):
            continue
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        kinds = {parameter.kind for parameter in parameters}
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                yield parameter.name
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return


def _refuse_unknown(cls, given):
    """Refuses arguments that neither the class nor Keras knows.

    Raises:
        TypeError: naming those there are, what came and the nearest.
    """
    known = [name for name, declared in cls.declared.items() if not declared.hidden]
    known += [name for name in settable(cls) if name not in known]
    for name, value in given.items():
        if name not in (*known, *KERAS_ARGUMENTS):
            raise TypeError(
                f"{cls.__name__} takes {', '.join(known) or 'no options'}. Received: "
                f"{name}={value!r}.{did_you_mean(name, known)}"
            )


def _take_declarations(cls):
    """Takes the declarations out of a class's body.

    They would hide what a base has by that name.
    """
    try:
        hints = inspect.get_annotations(cls, eval_str=True)
    except NameError:  # names that are imported for type checkers only
        hints = inspect.get_annotations(cls)
    own, kw_only = {}, False
    for name, hint in hints.items():
        if hint is dataclasses.KW_ONLY:
            kw_only = True
        declared = vars(cls).get(name)
        if isinstance(declared, Option):
            delattr(cls, name)
            init_only = isinstance(hint, dataclasses.InitVar)
            own[name] = dataclasses.replace(
                declared, name=name, kind=_kind(hint), kw_only=kw_only, init_only=init_only
            )
    return own


def _kind(hint):
    """The one type of a hint such as `int` or `int | None`, or None."""
    if isinstance(hint, types.UnionType):
        kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
        hint = kinds[0] if len(kinds) == 1 else None
    return hint if hint in (bool, int, float, str) else None


def _signature(cls):
    """Of the constructor that a class has by its declarations."""
    parameters = [
        inspect.Parameter(
            declared.name,
            inspect.Parameter.KEYWORD_ONLY
            if declared.kw_only
            else inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=declared.default,
        )
        for declared in sorted(cls.declared.values(), key=lambda declared: declared.kw_only)
    ]
    if super(Part, cls).__init__ is not object.__init__:
        parameters.append(inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


def _with_arguments(doc, options):
    """A class's docstring with the section `Args:`."""
    lines = inspect.cleandoc(doc).split("\n")
    section = ["Args:"]
    for each in options:
        if not each.hidden:
            section += textwrap.wrap(
                f"{each.name}: {described(each)}",
                100,
                initial_indent="    ",
                subsequent_indent="        ",
            )
    place = next(
        (number for number, line in enumerate(lines) if SECTIONS.fullmatch(line)), len(lines)
    )
    if place == len(lines):
        section.insert(0, "")
    else:
        section.append("")
    return "\n".join(lines[:place] + section + lines[place:])
