"""Commands on the pages have the options that they are given."""

import importlib
import re
import shutil
import tomllib

import pytest
import typer

from deca_tf.backbones import BACKBONES
from deca_tf.cli.main import app
from deca_tf.denoisers import DENOISERS
from tests.cli.conftest import deca_tf
from tests.docs.blocks import PAGES, ROOT, blocks_of, command_lines

COMMANDS = [
    pytest.param(words, id=f"{page}:{line}")
    for page in PAGES
    for block in blocks_of(page)
    if block.language in ("", "yaml")
    for line, words in command_lines(block)
]
NAMES = {"--backbone": BACKBONES, "--denoiser": DENOISERS, "--baseline": DENOISERS}


def test_there_are_commands_of_every_kind():
    kinds = {command.values[0][0] for command in COMMANDS}
    assert kinds == {"deca-tf", "python", "make", "pip"}


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_on_a_page_can_be_given(words):
    if words[:2] == ["deca-tf", "pipeline"]:  # which hands its options on
        check_module(f"pipelines.{words[2]}", words[3:])
    elif words[0] == "deca-tf":
        check_typer(app, words[1:])
    elif words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
    elif words[0] == "pip":
        extras(words[2:])
    elif words[2].startswith("benchmarks."):
        source = "".join(path.read_text() for path in files_of(words[2]))
        for option in (word for word in words[3:] if word.startswith("--")):
            assert f'"{option}"' in source, f"{words[2]} has no {option}"
    else:
        check_module(words[2], words[3:])


def check_module(module, arguments):
    """Refuses arguments that a module of the repository does not take."""
    name = {"reproduction": "reproduction.command"}.get(module, module)
    found = importlib.import_module(name)
    program = getattr(found, "app", None)
    if program is None:
        assert not arguments and (ROOT / f"{module.replace('.', '/')}.py").is_file()
    else:
        check_typer(program, arguments)


def check_typer(program, arguments):
    """Refuses arguments that a Typer program does not take; runs nothing of it."""
    command, rest = typer.main.get_command(program), list(arguments)
    context = command.context_class(command, info_name="command", **command.context_settings)
    while hasattr(command, "get_command"):
        name = rest.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"there is no command {name!r}"
        context = command.context_class(command, info_name=name, **command.context_settings)
    given, left, _ = command.make_parser(context).parse_args([*rest])
    assert context.allow_extra_args or not left, f"one argument too many: {left}"
    for parameter in command.params:
        assert not parameter.required or given.get(parameter.name) is not None, parameter.name
    for option, registry in NAMES.items():
        value = rest[rest.index(option) + 1] if option in rest else "none"
        known = ":" in value or value in ("none", "no") or value in registry.names
        assert known, f"{option} {value} is nothing that there is"


def files_of(module):
    path = ROOT / module.replace(".", "/")
    return [path.with_suffix(".py"), *path.parent.glob("contenders.py")]


def extras(arguments):
    """Refuses extras that the package does not have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for argument in arguments:
        for extra in re.findall(r"\[(.*)\]", argument):
            assert set(extra.split(",")) <= set(project["optional-dependencies"])


@pytest.mark.filterwarnings("ignore:Training has collapsed")  # a small table
def test_the_commands_of_the_readme_run_one_after_the_other(folder_with_clicks, capsys):
    lines = [words for block in blocks_of("README.md") for _, words in command_lines(block)]
    lines = [words for words in lines if words[0] == "deca-tf" and words[1] != "serve"]
    commands = [words[1] for words in lines]
    assert commands == ["train", "train", "evaluate", "export", "recommend", "refresh"]
    shutil.copy("clicks.csv", "today.csv")
    fast = ["--epochs", "2", "--set", "training.jit_compile=false"]
    said = {}
    for words in lines:
        options = fast if words[1] == "train" and "ease" not in words else []
        code, said[words[1]], errors = deca_tf(capsys, *words[1:], *options)
        assert code == 0, errors
    assert "sku-" in said["recommend"], "what is recommended"
    assert "Published saved_models/clicks/2" in said["refresh"]


def test_a_wrong_option_is_noticed():
    with pytest.raises(Exception, match="--n0ne"):
        check_typer(app, ["train", "--dataset", "x", "--n0ne", "1"])
    with pytest.raises(AssertionError, match="no command 'trane'"):
        check_typer(app, ["trane"])
    with pytest.raises(AssertionError, match="--denoiser nothing"):
        check_typer(app, ["train", "--denoiser", "nothing"])
