"""Errors in the words of the command line: `--user-column` where Python says `user_column`."""

import ast
import re
import shlex

from deca_tf.cli._options import PATHS, flag_of

# The library's names for what an option of another name sets.
_SYNONYMS = {"by": "split_by", "source": "dataset", "warmup_batch_sizes": "warmup"}
# Options of sources that only --set can set.
_SET = {"folder": "data.options.folder", "stream": "data.options.stream"}
_ASSIGNED = re.compile(r"((?:[a-z_]\w*\.)*([a-z_]\w*))=")
# Advice in Python, and what does the same here.
_ADVICE = {"deca_tf.export(target, split, folder)": "deca-tf export RUN --to FOLDER"}
_TABLES = ("data", "backbone", "denoiser", "training", "prior", "time")
_NAME = r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*"
_VALUE = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[-+\w.@]*\w"""
_SAID = re.compile(
    rf"`(?P<named>{_NAME})(?:=(?P<set>{_VALUE}))?`|(?<![\w`'\"./-])(?<!--set )(?P<name>{_NAME})=(?P<value>{_VALUE})"
)


def in_command_words(message, command, arguments):
    """An error's message, with options where it names arguments or settings.

    Args:
        message: whose names are in backticks, as `name` or `name=value`, or as name=value in its
            sentences.
        command: the program's `click.Command`.
        arguments: what was typed behind the program's name.

    Returns:
        The message. Names that the command that was called does not have stay as they are.
    """
    called = _called(command, arguments)
    words, settings = _words(called, arguments), _settings(called, arguments)
    words = {name: word for name, word in words.items() if settings.get(name) != name}
    for python, ours in _ADVICE.items():
        message = message.replace(python, ours)
    return _SAID.sub(lambda found: _reworded(found, words, settings), message)


def _called(command, arguments):
    """The subcommand that the arguments name."""
    for argument in arguments:
        inner = getattr(command, "commands", {}).get(argument)
        if inner is not None:
            command = inner
    return command


def _words(command, arguments):
    """`{name in the library: (option, whether a value follows it)}`."""
    parameters = {parameter.name: parameter for parameter in command.params}
    if "file" in parameters and not any(word.split("=")[0] == "--dataset" for word in arguments):
        parameters["dataset"] = parameters["file"]
    words = {name: _word(parameter, arguments) for name, parameter in parameters.items()}
    for name, own in _SYNONYMS.items():
        if own in words:
            words.setdefault(name, words[own])
    for own, path in PATHS.items():
        if own in words:
            words[".".join(path)] = words[own]
    return words


def _settings(command, arguments):
    """`{name in the library: table.key}` of what only --set can set.

    A name alone if it was typed there.
    """
    if not any(parameter.name == "assignments" for parameter in command.params):
        return {}
    before = ("", *arguments)
    assigned = [word for flag, word in zip(before, arguments, strict=False) if flag == "--set"]
    assigned += [word.removeprefix("--set=") for word in arguments if word.startswith("--set=")]
    typed = filter(None, map(_ASSIGNED.match, assigned))
    return _SET | {found[2]: found[1] for found in typed}


def _word(parameter, arguments):
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.name.upper()
    return flag_of(parameter, arguments)


def _reworded(found, words, settings):
    name = found["named"] or found["name"]
    value = found["set"] or found["value"]
    tick = "`" if found["named"] else ""
    if name == "header" and "no_header" in words and name not in settings:
        return f"{tick}{words['no_header']}{tick}"
    word = words.get(name)
    if word is None:
        is_path = settings and name.split(".")[0] in _TABLES and "." in name
        path = name if is_path else settings.get(name)
        if path is None:
            return found[0]
        return f"{tick}--set {path}={_typed(value) if value else '...'}{tick}"
    if value is None:
        return f"{tick}{word}{tick}"
    said = f"{word} {_typed(value)}" if word.startswith("-") else _typed(value)
    return f"{tick}{said}{tick}"


def _typed(value):
    """A value of Python's as one would type it."""
    try:
        return shlex.quote(str(ast.literal_eval(value)))
    except (ValueError, SyntaxError):
        return value
