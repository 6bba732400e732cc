"""What is required is enough for the main commands.

Whatever else is missing is asked for in one line.
"""

import importlib.metadata
import json
import pathlib
import re
import tomllib

import numpy as np
import pytest
from packaging.requirements import Requirement

from deca_tf import _extras
from tests.without import run_without

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OURS = {"deca_tf", "pipelines", "deca_tf_pipelines", "reproduction", "tests", "benchmarks"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def brought_by(requirements):
    """Names of the distributions that requirements bring, with all that those require."""
    found, todo = set(), [(Requirement(each), "") for each in requirements]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        for asked in {"", *requirement.extras}:
            if (canonical(requirement.name), asked) not in found:
                found.add((canonical(requirement.name), asked))
                more = importlib.metadata.requires(requirement.name) or []
                todo += [(Requirement(each), asked) for each in more]
    return {name for name, _ in found}


def modules_beyond(requirements):
    """Top-level modules of this environment that requirements do not bring."""
    core = brought_by(requirements)
    homes = importlib.metadata.packages_distributions()
    return sorted(
        module
        for module, distributions in homes.items()
        if module not in OURS and not core & set(map(canonical, distributions))
    )


NOT_CORE = modules_beyond(PROJECT["dependencies"])

MAIN_COMMANDS = """
import contextlib, io, json, sys
from deca_tf.cli.main import app

for words in json.loads(sys.stdin.read()):
    try:
        app(words)
    except SystemExit as stop:
        if stop.code:
            raise
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & BLOCKED, loaded & BLOCKED
    if words[0] == "train":
        late = {"keras_tuner", "tensorflow_datasets", "tensorflow_recommenders", "tf_keras"}
        assert not loaded & late, loaded & late
print("ALL OF THEM RAN")
"""


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """A small table of clicks, a CSV file."""
    random = np.random.default_rng(0)
    rows = {(u, i) for u, i in random.integers(0, (30, 20), (300, 2)).tolist()}
    path = tmp_path_factory.mktemp("clicks") / "clicks.csv"
    path.write_text("".join(["user,item\n", *(f"u{u},i{i}\n" for u, i in sorted(rows))]))
    return path


@pytest.mark.slow
def test_what_is_required_and_nothing_else_runs_the_main_commands(clicks, tmp_path):
    assert {"apache_beam", "matplotlib", "starlette", "tensorflow_serving"} <= set(NOT_CORE)
    run, served, search = (str(tmp_path / name) for name in ("run", "served", "search"))
    data = ["--dataset", str(clicks), "--epochs", "1", "--quiet"]
    columns = ["--set", "data.options.user_column=user", "--set", "data.options.item_column=item"]
    columns += ["--denoiser", "none"]  # of all the quickest to train four times
    tuned = ["--trials", "4", "--baseline", "no", "--out", search]  # the fourth asks scikit-learn
    commands = [
        ["train", *data, "--user-column", "user", "--item-column", "item", "--out", run],
        ["evaluate", run],
        ["export", run, "--to", served, "--warmup", "1"],
        ["recommend", served, "--user", "u1"],
        ["tune", *data, *columns, *tuned],
    ]
    done = run_without(NOT_CORE, MAIN_COMMANDS, json.dumps(commands))
    assert done.returncode == 0 and "ALL OF THEM RAN" in done.stdout, done.stderr[-3000:]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_what_is_pinned_fits_what_is_installed_on_every_python(python):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        pin = None if line.startswith("#") else Requirement(line)
        if pin is not None and (pin.marker is None or pin.marker.evaluate(environment)):
            pins[canonical(pin.name)] = next(iter(pin.specifier)).version
    for distribution in importlib.metadata.distributions():
        for each in distribution.requires or []:
            asked = Requirement(each)
            applies = asked.marker is None or any(
                asked.marker.evaluate({**environment, "extra": extra}) for extra in ("", "gcp")
            )
            version = pins.get(canonical(asked.name))
            if applies and version is not None:
                assert asked.specifier.contains(version, prereleases=True), (
                    f"{distribution.name} wants {each} on {python}, pinned is {version}"
                )


ENTRIES = {
    "serving": (
        "command('serve', 'folder')",
        "command('deploy', 'write', 'folder')",
        "command('deploy', 'check', 'folder')",
        "import deca_tf.serving.server",
        "from deca_tf.serving.client import Client; Client('localhost:8500', 'clicks')",
        "from deca_tf.serving.deployment.files import write_files; write_files('folder')",
    ),
    "pipelines": ("command('pipeline', 'run', '--config', 'clicks.toml')",),
    "kubernetes": (
        "import os; os.environ.update(DECA_TF_NUM_WORKERS='1', NODE_IP='0', DECA_TF_POD_LABELS='a')\n"
        "from deca_tf.distribution._cluster import from_kubernetes; from_kubernetes()",
    ),
    "plots": (
        "from deca_tf.tuning import plot_parallel_coordinates as plot; plot(None, 'loss', 'a.png')",
        "from deca_tf.tuning import write_hparams; write_hparams({}, '.', 'hparams', 'loss')",
        "from reproduction.plots import require_matplotlib; require_matplotlib()",
    ),
}

ASK = """
import json, sys
import numpy as np
from deca_tf.cli.main import main

def command(*words):
    sys.argv = ["deca-tf", *words]
    main()

for extra, entries in json.loads(sys.stdin.read()).items():
    for entry in entries:
        print(f"# {extra}: {entry!r}", file=sys.stderr)
        try:
            exec(entry)
        except ImportError as error:
            print(error, file=sys.stderr)
        except SystemExit as stop:
            assert stop.code == 2
"""


def test_every_missing_extra_is_one_line_that_names_it():
    done = run_without(NOT_CORE, ASK, json.dumps(ENTRIES))
    assert done.returncode == 0, done.stderr
    said = re.split(r"^# ", done.stderr, flags=re.MULTILINE)[1:]
    assert len(said) == sum(map(len, ENTRIES.values()))
    for each in said:
        entry, *lines = each.strip().splitlines()
        extra = entry.partition(":")[0]
        (line,) = [each for each in lines if not each.startswith(("WARNING", "I0", "W0", "E0"))]
        assert re.search(rf" requires the extra `{extra}`\. Received: .* without \w+", line), each
        assert line.endswith(f"Run `pip install 'deca-tf[{extra}]'`."), each


@pytest.mark.parametrize("extra", sorted(_extras.MODULES))
def test_the_modules_of_an_extra_are_those_of_its_distributions(extra):
    homes = importlib.metadata.packages_distributions()
    named = {canonical(Requirement(each).name) for each in EXTRAS[extra]}
    found = {canonical(homes[module][0]) for module in _extras.MODULES[extra]}
    assert found == named


def test_all_is_every_extra_that_fits_into_one_environment():
    (everything,) = EXTRAS["all"]
    assert Requirement(everything).extras == set(EXTRAS) - {"all", "dev", "scann"}
    assert "deca-tf[all]" in EXTRAS["dev"]
