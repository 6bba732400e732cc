"""Options of a part, each declared once, in the part's class.

From a declaration follow the constructor and its signature, the check of values, the attribute, the
config that is saved, the search space, the arguments' section of the docstring and the tables of
the reference page.
"""

import collections.abc
import dataclasses
import inspect
import typing

from deca_tf._checks import check_choice, check_flag, check_integer, check_range
from deca_tf.parts.networks import check_kind

REQUIRED: typing.Any = inspect.Parameter.empty
# Of a docstring, after `Args:`.


@dataclasses.dataclass(frozen=True)
class Between:
    """What to search of a number: a range, both ends included; whole numbers for an integer.

    Attributes:
        low, high: its ends.
        log: samples on a logarithmic scale.
        step: between two values, else any.
        start: what is tried first; None: the option's default.

    Stability: provisional.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    start: float | None = None

    def ask(self, hp: typing.Any, name: str, option: "Option") -> typing.Any:
        """A value, chosen by Keras Tuner's `HyperParameters`."""
        kind = hp.Int if option.kind is int else hp.Float
        how: dict[str, typing.Any] = {"sampling": "log"} if self.log else {}
        if self.step is not None:
            how["step"] = self.step
        default = option.default if self.start is None else self.start
        return kind(name, self.low, self.high, default=default, **how)


class OneOf:
    """What to search of an option: some values.

    Args:
        *values: to choose from; None may be one of them beside numbers other than 0.

    Stability: provisional.
    """

    def __init__(self, *values: typing.Any) -> None:
        self.values = values

    def ask(self, hp: typing.Any, name: str, option: "Option") -> typing.Any:
        """A value, chosen by Keras Tuner's `HyperParameters`."""
        if option.kind is bool:
            return hp.Boolean(name, default=option.default)
        if None in self.values:  # Keras Tuner's choices are of one type: 0 stands for it
            values = [0.0 if value is None else float(value) for value in self.values]
            return hp.Choice(name, values, default=float(option.default or 0)) or None
        first = option.default if option.default in self.values else self.values[0]
        return hp.Choice(name, list(self.values), default=first)


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
        if self.is_network:
            check_kind(self.name, value)
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

    Stability: provisional.
    """
    return Option(**locals())


def network(*, default: typing.Any = REQUIRED, doc: str) -> typing.Any:
    """Declares an argument that is a network.

    It is saved and loaded with the part, and no option.

    Stability: provisional.
    """
    return Option(default=default, doc=doc, is_network=True)


def described(declared):
    """An option in words: what it is, what it takes, its default."""
    default = "" if declared.default in (REQUIRED, None) else f"default {declared.default!r}"
    facts = "; ".join(fact for fact in (declared.range, default) if fact)
    return f"{declared.doc} {facts[:1].upper()}{facts[1:]}{'.' if facts else ''}".strip()
