"""Options of a part, each declared once, in the part's class.

From a declaration follow the constructor and its signature, the check of values, the attribute, the
config that is saved, the search space, the arguments' section of the docstring and the tables of
the reference page.
"""

import collections.abc
import dataclasses
import inspect
import re
import textwrap
import types
import typing

from deca_tf._checks import check_choice, check_flag, check_integer, check_range

REQUIRED: typing.Any = inspect.Parameter.empty
# Of a docstring, after `Args:`.
SECTIONS = re.compile(r"(Raises|Attributes|Example|Returns):|Stability: \w+\.")


@dataclasses.dataclass(frozen=True)
class Between:
    """What to search of a number: a range, both ends included; whole numbers for an integer.

    Attributes:
        low, high: its ends.
        log: samples on a logarithmic scale.
        step: between two values, else any.
        start: what is tried first; None: the option's default.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    start: float | None = None

    def ask(self, hp, name, option):
        """A value, chosen by Keras Tuner's `HyperParameters`."""
        kind = hp.Int if option.kind is int else hp.Float
        how = {"sampling": "log"} if self.log else {}
        if self.step is not None:
            how["step"] = self.step
        default = option.default if self.start is None else self.start
        return kind(name, self.low, self.high, default=default, **how)


class OneOf:
    """What to search of an option: some values.

    Args:
        *values: to choose from.
    """

    def __init__(self, *values):
        self.values = values

    def ask(self, hp, name, option):
        """A value, chosen by Keras Tuner's `HyperParameters`."""
        if option.kind is bool:
            return hp.Boolean(name, default=option.default)
        return hp.Choice(name, list(self.values), default=option.default)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """A declaration; `option` and `network` make one, the class gives it its name and kind."""

    default: typing.Any
    doc: str
    low: float | None = None
    above: float | None = None
    high: float | None = None
    below: float | None = None
    choices: tuple = ()
    check: collections.abc.Callable | None = None
    values: str = ""
    search: Between | OneOf | None = None
    paper: Between | OneOf | None = None
    attribute: str = ""
    hidden: bool = False
    is_network: bool = False
    name: str = ""
    kind: type | None = None
    kw_only: bool = False
    init_only: bool = False

    def checked(self, value):
        """The value, in the type of the option.

        Raises:
            ValueError, TypeError: naming the option, what is required and what came.
        """
        if value is None and self.default is None:
            return None
        if self.check is not None:
            return self.check(self.name, value)
        if self.choices:
            return check_choice(self.name, value, self.choices)
        if self.kind is bool:
            return check_flag(self.name, value)
        if self.kind is int:
            return check_integer(self.name, value, 1 if self.low is None else self.low)
        if self.kind is float:
            return self._checked_number(value)
        return value

    def _checked_number(self, value):
        low, high = (
            next((bound for bound in bounds if bound is not None), infinity)
            for bounds, infinity in (
                ((self.low, self.above), -float("inf")),
                ((self.high, self.below), float("inf")),
            )
        )
        number = check_range(self.name, value, low, high)
        for bound, word in ((self.above, "above"), (self.below, "below")):
            if number == bound:
                raise ValueError(
                    f"`{self.name}` must be {word} {bound}. Received: {self.name}={value!r}."
                )
        return number

    @property
    def range(self):
        """What values it takes, in words."""
        if self.values or self.choices:
            return self.values or " or ".join(repr(choice) for choice in self.choices)
        if self.kind is bool:
            return "true or false"
        if self.kind is int:
            return f"an integer of at least {1 if self.low is None else self.low}"
        if self.high is not None or self.below is not None:
            left = f"[{self.low:g}" if self.above is None else f"({self.above:g}"
            right = f"{self.high:g}]" if self.below is None else f"{self.below:g})"
            return f"in {left}, {right}"
        if self.above is not None:
            return f"above {self.above:g}"
        return "" if self.low is None else f"at least {self.low:g}"

    @property
    def is_settable(self):
        """Whether a user sets it by name, in a recipe or by `--set`."""
        return not (self.hidden or self.is_network or self.default is REQUIRED)

    def saved(self, value):
        """The value as JSON holds it."""
        if self.is_network:
            import keras

            return keras.saving.serialize_keras_object(value)
        return list(value) if isinstance(value, tuple) else value


def option(
    *,
    default: typing.Any = REQUIRED,
    doc: str,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    choices: tuple = (),
    check: collections.abc.Callable | None = None,
    values: str = "",
    search: Between | OneOf | None = None,
    paper: Between | OneOf | None = None,
    attribute: str = "",
    hidden: bool = False,
) -> typing.Any:
    """Declares an option in the body of a part's class, as `dataclasses.field` does a field.

    Its annotation says what it is: `int`, `float`, `bool` or anything. Options come in the order of
    their declarations, those of the base class first; after `_: KW_ONLY` they are keywords.

    Args:
        default: its value if not given; left out, it must be given. If None, None may be given.
        doc: what it is, in a sentence or two.
        low, above: least value, and the bound that it must be above; of integers 1 if not given.
        high, below: likewise.
        choices: all values there are.
        check: function from its name and a value to what is kept, in place of these checks.
        values: what `check` takes, in words.
        search: what of it is worth searching; None: nothing.
        paper: what the paper searched, where that is something else.
        attribute: where the value is kept, if not under its name.
        hidden: it is how a saved part is made again, and nothing that a user sets.

    Example:
        >>> class Smoothed(deca_tf.denoisers.CrossEntropy):
        ...     q: float = option(default=0.7, low=0, high=1, search=Between(0.1, 0.9), doc="...")
        >>> Smoothed(q=2)
        Traceback (most recent call last):
            ...
        ValueError: `q` must be a finite number in [0, 1]. Received: q=2.
    """
    return Option(**locals())


def network(*, default: typing.Any = REQUIRED, doc: str) -> typing.Any:
    """Declares an argument that is a network.

    It is saved and loaded with the part, and no option.
    """
    return Option(default=default, doc=doc, is_network=True)


@typing.dataclass_transform(field_specifiers=(option, network))
class Part:
    """What has options: the base of backbones, denoisers and baselines.

    The constructor takes what is declared and, where the part is a Keras object, Keras's own
    arguments. It checks all values, keeps them as attributes, then calls `setup`.

    A class that writes a constructor of its own is a part as well; it passes on what it does not
    know, and its options are then read from its signature.

    Attributes:
        declared: `{name: Option}`, its own and its bases'.
        family: name of the kind of part; its hyperparameters are called `family.option`.
    """

    declared: typing.ClassVar[dict[str, Option]] = {}
    family: typing.ClassVar[str] = ""
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
            raise TypeError(f"{cls.__name__}: {error}.") from None
        given = bound.arguments
        super().__init__(**given.pop("kwargs", {}))
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
            hp: Keras Tuner's `HyperParameters`; it is asked for "family.option".
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
                found[name] = searched.ask(hp, f"{cls.family}.{name}", declared)
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
        if base.__module__.partition(".")[0] in ("keras", "tensorflow", "builtins"):
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


def described(declared):
    """An option in words: what it is, what it takes, its default."""
    default = "" if declared.default in (REQUIRED, None) else f"default {declared.default!r}"
    facts = "; ".join(fact for fact in (declared.range, default) if fact)
    return f"{declared.doc} {facts[:1].upper()}{facts[1:]}{'.' if facts else ''}".strip()
