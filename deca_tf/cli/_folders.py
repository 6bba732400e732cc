"""A folder that holds something else than it should, told in the command line's words."""

import contextlib
import pathlib

from deca_tf._files import OtherSettingsError
from deca_tf.cli._options import PATHS, command_line

SHOWN = 3  # differences that are told
_OPTIONS = {".".join(path): name for name, path in PATHS.items()}
_SETTINGS, _HELD = "settings.", "held."  # begin what a search notes of settings
# What a search notes besides, most of which follows from settings.
_DERIVED = {
    "data": "its clicks were others",
    "space": "another space was searched",
    "points": "another space was searched",
    "objective": "its objective was another",
    "backbone": "its backbone was another",
}
_WORKS = {"train": "run", "tune": "search"}


@contextlib.contextmanager
def telling_of_other_settings(context):
    """Rewords the refusal of a folder whose run or search has other settings.

    Args:
        context: the command's `typer.Context`.

    Raises:
        FileExistsError: in place of `OtherSettingsError`; it says so where --out was not typed.
    """
    try:
        yield
    except OtherSettingsError as error:
        work, folder = _WORKS[context.command.name], str(error.path)
        changes = _changes(context.command, error.differences)
        if context.params["out"] is None:
            message = (
                f"The default folder {folder} holds a {work} with other settings: {changes}. Name "
                "a new folder by `--out`, or delete it."
            )
        else:
            message = (
                f"`--out` must be a new folder, or that of the same {work}. Received: {folder}, a "
                f"{work} with other settings: {changes}. Name another folder, or delete this one."
            )
        raise FileExistsError(message) from None


def refuse_run(folder):
    """Refuses a run's folder where one of published versions is required.

    Raises:
        ValueError: it says how to publish the run.
    """
    if (folder / "config.toml").is_file():
        served = pathlib.Path("saved_models") / folder.resolve().name
        raise ValueError(
            f"`FOLDER` must be what `deca-tf export` wrote. Received: {folder}, a run. Publish it "
            f"by `{command_line('deca-tf', 'export', folder, '--to', served)}`."
        )


def _changes(command, differences):
    """The first differences as a phrase; what only follows from settings if there are no others."""
    told, followed = {}, []
    for key, before, now in sorted(differences, key=lambda each: each[0].startswith(_HELD)):
        if command.name == "tune" and key.split(".")[0] in _DERIVED:
            followed.append(_DERIVED[key.split(".")[0]])
        else:
            word = _word(command, key.removeprefix(_SETTINGS).removeprefix(_HELD))
            told.setdefault(word, _change(word, before, now))
    phrases = list(told.values() or dict.fromkeys(followed))
    more = f", and {len(phrases) - SHOWN} more" if len(phrases) > SHOWN else ""
    return ", ".join(phrases[:SHOWN]) + more


def _word(command, setting):
    """What sets it: an option, FILE, or --set."""
    option = _OPTIONS.get(setting, setting)
    option = "no_header" if option == "header" else option
    if option == "dataset":
        return "FILE"
    for parameter in command.params:
        if parameter.name == option:
            return max(parameter.opts, key=len)
    return f"--set {setting}"


def _change(word, before, now):
    if word == "--no-header":
        before, now = ("given" if value is False else None for value in (before, now))
        return f"{word} was {before or 'not given'} then and is {now or 'not given'} now"
    was, is_ = ("not given" if value is None else repr(value) for value in (before, now))
    return f"{word} was {was} then and is {is_} now"
