"""`deca-tf pipeline`: finds the pipelines where they are, and hands its options on."""

import sys

import pytest

from deca_tf.cli import main


def deca_tf(capsys, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["deca-tf", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main.main()
    captured = capsys.readouterr()
    return stop.value.code, captured.out + captured.err


def test_generate_writes_a_log(tmp_path, capsys, monkeypatch):
    log = tmp_path / "log.csv"
    code, said = deca_tf(
        capsys, monkeypatch, "pipeline", "generate", "--rows", 200, "--seed", 3, "--out", log
    )
    assert code == 0 and "Wrote 200 clicks" in said
    assert len(log.read_text().splitlines()) == 201
    code, said = deca_tf(capsys, monkeypatch, "pipeline", "generate", "--rows", 9, "--out", log)
    assert code == 2 and f"`--out` must be a new file. Received: --out {log}, which" in said
    assert len(log.read_text().splitlines()) == 201
    text = tmp_path / "gen.txt"
    code, said = deca_tf(capsys, monkeypatch, "pipeline", "generate", "--out", text)
    assert code == 2 and f"`--out` must end in .csv, .tsv, .parquet. Received: --out {text}" in said


@pytest.mark.parametrize("name, option", [("run", "--until"), ("generate", "--rows")])
def test_help_is_that_of_the_program(name, option, capsys, monkeypatch):
    code, said = deca_tf(capsys, monkeypatch, "pipeline", name, "--help")
    assert code == 0 and f"deca-tf pipeline {name}" in said and option in said


def test_a_mistake_is_one_line_and_the_program_s_exit_code(tmp_path, capsys, monkeypatch):
    code, said = deca_tf(
        capsys, monkeypatch, "pipeline", "run", "--config", tmp_path / "missing.toml"
    )
    assert code == 2 and said.startswith("Error: The settings must be a TOML file.")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes a package with a module `run`, the first that is found."""
    names = ("deca_tf_pipelines", "pipelines")
    loaded = {name: sys.modules[name] for name in sys.modules if name.partition(".")[0] in names}

    def make(name, code):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "run.py").write_text(code)

    for name in loaded:
        del sys.modules[name]
    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]
    sys.modules.update(loaded)


def test_the_installed_name_goes_first(package, capsys, monkeypatch):
    package("deca_tf_pipelines", "def app(words, prog_name): raise ValueError(f'{words} here')")
    code, said = deca_tf(capsys, monkeypatch, "pipeline", "run", "--step", "Split", "--unknown=1")
    assert code == 2 and said == "Error: ['--step', 'Split', '--unknown=1'] here\n"


def test_somebody_else_s_pipelines_are_passed_by(package, capsys, monkeypatch):
    package("pipelines", "raise RuntimeError('imported')")
    code, said = deca_tf(capsys, monkeypatch, "pipeline", "run")
    assert code == 2 and "requires the package deca_tf_pipelines" in said
