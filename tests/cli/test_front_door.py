"""`deca-tf train FILE` and nothing else: where it goes, what it says, standard input, help."""

import io
import json
import shlex

import numpy as np
import pandas as pd
import pytest

from deca_tf.backbones import BACKBONES
from deca_tf.data.sources import SOURCES
from deca_tf.denoisers import DENOISERS
from tests.cli.conftest import deca_tf

pytestmark = pytest.mark.filterwarnings("ignore:Training has collapsed")  # one epoch
SMALL = ("--set", "training.jit_compile=false", "--set", "backbone.embedding_dim=4")
FAST = ("--epochs", "1", "--denoiser", "none", *SMALL)


@pytest.fixture
def clicks(tmp_path, monkeypatch):
    """A table of 300 clicks in the current folder, named as logs are."""
    pairs = np.random.default_rng(0).permutation(20 * 40)[:300]
    table = pd.DataFrame(
        {"timestamp": range(300), "personId": pairs // 40, "contentId": pairs % 40, "kind": "VIEW"}
    )
    table.to_csv(tmp_path / "my clicks.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deca_tf.cli.console.console.width", 200)
    return tmp_path / "my clicks.csv"


@pytest.fixture
def typed_in(monkeypatch):
    """Gives bytes to the next command's standard input."""

    class Input(io.TextIOWrapper):
        def isatty(self):
            return False

    return lambda data: monkeypatch.setattr("sys.stdin", Input(io.BytesIO(data)))


def test_a_file_is_all_it_needs(clicks, capsys):
    code, out, err = deca_tf(capsys, "train", clicks.name, *FAST)
    assert code == 0, err
    assert (
        "my clicks.csv: users from 'personId', items from 'contentId', times from 'timestamp' "
        "(seconds since 1970); not read: 'kind'." in out
    )
    metrics = json.loads((clicks.parent / "runs/my clicks/metrics.json").read_text())
    assert f"{metrics['test']['recall@20']:.4f}" in out
    again = out.splitlines()[-1].partition("Next: deca-tf ")[2]
    code, _, err = deca_tf(capsys, *shlex.split(again))
    assert code == 0, err
    assert (clicks.parent / "saved_models/my clicks/1/saved_model.pb").is_file()


def test_quiet_prints_nothing_and_another_run_does_not_enter_the_folder(clicks, typed_in, capsys):
    code, out, err = deca_tf(capsys, "train", clicks.name, *FAST, "-q")
    assert (code, out, err) == (0, "", "")
    code, _, err = deca_tf(capsys, "train", clicks.name, *FAST, "--seed", "1")
    assert code == 2
    assert err == (
        "Error: The default folder runs/my clicks holds a run with other settings: --seed was 0 "
        "then and is 1 now. Name a new folder by `--out`, or delete it.\n"
    )
    typed = ("--user-column", "kind", "--set", "training.l2=0.5", "--no-header")
    code, _, err = deca_tf(capsys, "train", clicks.name, *FAST, *typed, "--out", "runs/my clicks")
    assert code == 2
    assert err == (
        "Error: `--out` must be a new folder, or that of the same run. Received: runs/my clicks, a "
        "run with other settings: --no-header was not given then and is given now, --user-column "
        "was not given then and is 'kind' now, --set training.l2 was 0.1 then and is 0.5 now. Name "
        "another folder, or delete this one.\n"
    )
    typed_in(clicks.read_bytes())
    code, _, err = deca_tf(capsys, "train", "-", *FAST, "--out", "runs/my clicks")
    assert code == 2
    assert "did not read standard input" in err


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_the_kind_of_standard_input_is_seen(kind, clicks, typed_in, capsys, tmp_path):
    table = pd.read_csv(clicks)
    written = tmp_path / f"piped{kind}"
    if kind == ".parquet":
        table.to_parquet(written)
    else:
        table.to_csv(written, index=False, sep="\t" if kind == ".tsv" else ",")
    typed_in(written.read_bytes())
    code, out, err = deca_tf(capsys, "train", "-", "--clean-test", "rating > 9")
    assert code == 2
    assert f"stdin{kind}: users from 'personId'" in out, err


def test_standard_input_is_kept_so_that_the_run_can_be_repeated_and_evaluated(
    clicks, typed_in, capsys
):
    typed_in(clicks.read_bytes())
    code, _, err = deca_tf(capsys, "train", "-", *FAST, "-q")
    assert code == 0, err
    assert (clicks.parent / "runs/stdin/stdin.csv").read_bytes() == clicks.read_bytes()
    (clicks.parent / "runs/stdin").rename("moved")
    code, out, err = deca_tf(capsys, "evaluate", "moved")
    assert code == 0, err
    assert "The figures are as stored" in out
    typed_in(clicks.read_bytes())
    code, out, err = deca_tf(capsys, "train", "-", *FAST, "--out", "moved")
    assert code == 0, err
    assert "This run was finished before" in out
    typed_in(clicks.read_bytes() + b"301,1,1,VIEW\n")
    code, _, err = deca_tf(capsys, "train", "-", *FAST, "--out", "moved")
    assert code == 2
    assert "must be what the run was trained on" in err
    assert "by `--out`" in err


def test_a_mistake_in_standard_input_can_be_mended(clicks, typed_in, capsys):
    for text, said in ((b"a,b\n1,2\n", "`--user-column`"), (b"", "an empty file")):
        typed_in(text)
        code, _, err = deca_tf(capsys, "train", "-", *FAST)
        assert code == 2
        assert said in err
    typed_in(clicks.read_bytes())
    assert deca_tf(capsys, "train", "-", "--clean-test", "rating > 9")[1].startswith("stdin.csv: u")


def test_standard_input_is_not_put_among_other_files(clicks, typed_in, capsys):
    typed_in(clicks.read_bytes())
    code, _, err = deca_tf(capsys, "train", "-", *FAST, "--out", ".")
    assert code == 2
    assert "`--out` must be a new or empty folder" in err
    assert not list(clicks.parent.glob("stdin*"))


def test_weights_and_repeats_reach_the_interactions(clicks, capsys):
    table = pd.read_csv(clicks).assign(minutes=2.5)
    pd.concat([table, table[:10]]).to_csv("twice.csv", index=False)
    weighted = ("--weight-column", "minutes", "--repeats", "sum")
    code, _, err = deca_tf(capsys, "train", "twice.csv", *FAST, *weighted)
    assert code == 0, err
    assert (
        "Merged 10 repeated (user, item) pairs of 310 rows; the weights of each were summed." in err
    )
    options = json.loads((clicks.parent / "runs/twice/metrics.json").read_text())["config"]["data"][
        "options"
    ]
    assert options == {"weight_column": "minutes", "repeats": "sum"}


def test_a_search_takes_a_file_and_columns_too(clicks, capsys, monkeypatch):
    table = pd.read_csv(clicks).rename(columns={"personId": "who"})
    table.to_csv("clicks.csv", index=False)
    asked = ("--user-column", "who", "--trials", "1", "--baseline", "no", "--tuner", "grid")
    code, out, err = deca_tf(capsys, "tune", "clicks.csv", *asked, *FAST)
    assert code == 0, err
    last = out.splitlines()[-1]
    assert last == (
        "Everything is in searches/clicks. Next: deca-tf train --recipe "
        "searches/clicks/best/none.toml --out runs/clicks-best"
    )


def test_without_a_command_the_first_ones_are_shown_in_order(capsys):
    code, out, _ = deca_tf(capsys)
    assert code == 0
    shown = [line.split()[1] for line in out.splitlines() if line.startswith("  deca-tf ")]
    assert shown == ["demo", "train", "tune", "export", "recommend"]


def test_the_version(capsys):
    import deca_tf as package

    assert deca_tf(capsys, "--version")[1] == f"deca-tf {package.__version__}\n"


@pytest.mark.parametrize("command", ["train", "tune"])
def test_help_names_every_data_set_and_says_what_each_part_is(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    _, out, _ = deca_tf(capsys, command, "--help")
    assert max(map(len, out.splitlines())) <= 80
    words = " ".join(out.replace("│", " ").split())
    for registry in (BACKBONES, DENOISERS):
        for name, summary in registry.summaries().items():
            assert f"{name}: {summary}" in words
    for name in SOURCES:
        assert name.replace("*", "100k") in words
