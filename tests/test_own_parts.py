"""Parts of another package.

Named "package.module:Class" wherever a part is named, and nowhere trusted unnamed.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import deca_tf
from deca_tf._registry import deserialize, is_own
from deca_tf.backbones import BACKBONES, MF
from deca_tf.baselines import BASELINES
from deca_tf.config import resolve
from deca_tf.data import load_split
from deca_tf.denoisers import DENOISERS
from deca_tf.optimizers import OPTIMIZERS

PACKAGE = '''
    """A package that knows deca_tf, and that deca_tf does not know."""

    import keras
    import numpy as np

    from deca_tf.parts import OneOf, option
    from deca_tf.backbones import Backbone
    from deca_tf.baselines import Baseline
    from deca_tf.data import Interactions
    from deca_tf.denoisers import Denoiser

    @keras.saving.register_keras_serializable(package="{name}")
    class Popular(Backbone):
        """A bias for each item."""

        def __init__(self, num_users, num_items, *, scale=1.0, **kwargs):
            super().__init__(num_users, num_items, **kwargs)
            self.scale = scale
            self.bias = self.add_table("bias", (self.num_items,))

        def call(self, inputs):
            return self.scale * keras.ops.take(self.bias, inputs["item_id"], axis=0)

        def get_config(self):
            return {{**super().get_config(), "scale": self.scale}}

    @keras.saving.register_keras_serializable(package="{name}")
    class Halved(Denoiser):
        """Half the squared error."""

        def __init__(self, weight=0.5, **kwargs):
            super().__init__(**kwargs)
            self.weight = weight

        def compute_loss(self, phase, inputs, label, target_logits, update):
            return self.weight * (keras.ops.sigmoid(target_logits) - label) ** 2

        def get_config(self):
            return {{**super().get_config(), "weight": self.weight}}

    class Clicks:
        OPTIONS = ("users",)

        @staticmethod
        def load(name, *, data_dir=None, seed=0, users=6):
            keys = np.random.default_rng(seed).choice(users * 9, 30, replace=False)
            return Interactions(keys // 9, keys % 9, np.arange(users), np.arange(9))

    class Same(Baseline):
        """Equal scores."""

        level: float = option(default=1.0, low=0, search=OneOf(0.0, 1.0), doc="Of all.")

        def setup(self, interactions):
            self.scores = np.full((1, interactions.num_items), self.level)

        def score_all_items(self, user_ids):
            return np.repeat(self.scores, len(user_ids), axis=0)

    class Slow(keras.optimizers.SGD):
        pass

    number = 3
'''


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    """The name of a module that lies in a folder of its own, on Python's path.

    A new one for each test.
    """
    name = f"stranger_{re.sub(r'[^a-z]', '_', request.node.originalname)}"
    (tmp_path / "elsewhere").mkdir()
    code = textwrap.dedent(PACKAGE).format(name=name)
    (tmp_path / "elsewhere" / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    yield name
    sys.modules.pop(name, None)


@pytest.fixture
def clicks(tmp_path):
    """A small table of clicks."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(12 * 15)[:120]
    rows = [f"{pair // 15},{pair % 15}" for pair in pairs]
    (tmp_path / "clicks.csv").write_text("\n".join(["user,item", *rows]), encoding="utf-8")
    return tmp_path / "clicks.csv"


def test_what_is_a_part_of_one_s_own():
    assert is_own("models:Mine")
    assert is_own("my_pkg.models_2:Mine")
    for name in ("mf", "movielens/100k-ratings", "C:\\clicks.csv", "a.b:c.csv", ":Mine", "m:", 5):
        assert not is_own(name)


def test_a_class_of_another_package_stands_wherever_a_name_does(package):
    backbone = BACKBONES.build(
        f"{package}:Popular", options={"scale": 2.0}, num_users=3, num_items=4, seed=5
    )
    assert (type(backbone).__name__, backbone.scale, backbone.seed) == ("Popular", 2.0, 5)
    assert DENOISERS.build(f"{package}:Halved").weight == 0.5
    assert OPTIMIZERS.build(f"{package}:Slow", learning_rate=0.5).learning_rate == 0.5
    split = load_split(f"{package}:Clicks", users=5)
    same = BASELINES.build(f"{package}:Same", options={"level": 2}, interactions=split.train)
    assert same.score_all_items([0, 1]).tolist() == [[2.0] * 9] * 2
    assert BASELINES.load(f"{package}:Same").GRID == {"level": (0.0, 1.0)}
    assert (split.num_users, split.num_items) == (5, 9)


def test_its_options_are_known_by_its_signature(package):
    assert BACKBONES.options(f"{package}:Popular") == {"seed": 0, "scale": 1.0}
    with pytest.raises(
        ValueError,
        match=rf"The options of backbone '{package}:Popular' are .*Did you mean 'scale'\?",
    ):
        BACKBONES.check_options(f"{package}:Popular", {"scales": 2})
    with pytest.raises(ValueError, match="takes the options users. .*Did you mean 'users'"):
        load_split(f"{package}:Clicks", user=5)


def test_what_cannot_be_found_or_used_is_refused_in_a_sentence(package):
    with pytest.raises(
        ImportError,
        match="`backbone` must name a module that Python finds. .*'no_such_pkg.models:Mine', and "
        "there is no 'no_such_pkg'. Install it",
    ):
        BACKBONES.load("no_such_pkg.models:Mine")
    with pytest.raises(ValueError, match=rf"module '{package}'. .*Did you mean 'Popular'\?"):
        BACKBONES.load(f"{package}:Populer")
    with pytest.raises(
        TypeError, match=r"subclass of deca_tf\.backbones\.Backbone\. .*, which is another class"
    ):
        BACKBONES.load(f"{package}:Halved")
    with pytest.raises(TypeError, match=r"`denoiser` must be .* which is a int"):
        DENOISERS.load(f"{package}:number")
    with pytest.raises(TypeError, match=r"subclass of keras\.optimizers\.Optimizer\."):
        OPTIMIZERS.load(f"{package}:Halved")
    with pytest.raises(TypeError, match="`dataset` must name an object with `load"):
        load_split(f"{package}:Popular")
    with pytest.raises(ValueError, match="or a class of your own, 'package.module:Class'"):
        BACKBONES.load("package.module")


def test_a_module_that_misses_something_itself_says_what(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import something_absent", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="^No module named 'something_absent'$"):
        BACKBONES.load("half_installed:Mine")


def test_a_file_of_weights_imports_no_package(package, tmp_path):
    """Whoever made the file must not choose what code runs: the user names the package."""
    model = BACKBONES.build(f"{package}:Popular", num_users=3, num_items=4)
    saved = keras.saving.serialize_keras_object(model)
    model.save(tmp_path / "model.keras")
    keras.saving.get_custom_objects().pop(f"{package}>Popular")
    del sys.modules[package]
    with pytest.raises(TypeError, match=rf"must be imported before .*Import '{package}' first"):
        deserialize(saved)
    with pytest.raises(TypeError):
        keras.models.load_model(tmp_path / "model.keras")
    assert package not in sys.modules
    BACKBONES.load(f"{package}:Popular")
    assert type(deserialize(saved)).__name__ == "Popular"


def test_a_recipe_names_parts_of_another_package(tmp_path):
    recipe = tmp_path / "own.toml"
    recipe.write_text(
        '[data]\ndataset = "my_pkg.data:Clicks"\n[backbone]\nname = "my_pkg.models:Mine"\n',
        encoding="utf-8",
    )
    config = resolve(recipe)
    assert config.data.dataset == "my_pkg.data:Clicks"  # no file, so no path
    assert config.backbone.name == "my_pkg.models:Mine"


COMMANDS = """
import json, os, sys
here = sys.path.pop(0)
assert here == ""
from deca_tf.cli.main import main

path, codes = list(sys.path), []
for folder, words in json.loads(sys.argv[1]):
    os.chdir(folder)
    sys.argv, sys.path[:] = ["deca-tf", *words], path
    try:
        main()
    except SystemExit as stop:
        codes.append(stop.code or 0)
    print("END", flush=True)
    print("END", file=sys.stderr, flush=True)
print(codes)
"""


def deca_tf_commands(*commands):
    """The console script in some folders, one after the other in one process.

    The script's own folder is on the path, not those.

    Args:
        *commands: pairs of a folder and words.

    Returns:
        Of each `(exit code, stdout, stderr)`.
    """
    given = json.dumps([[str(folder), [*map(str, words)]] for folder, words in commands])
    path = os.pathsep.join([str(pathlib.Path(deca_tf.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, given],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *out, codes = done.stdout.split("END\n")
    return list(zip(json.loads(codes), out, done.stderr.split("END\n"), strict=False))


def test_a_run_with_parts_of_another_package_in_the_current_folder(package, clicks, tmp_path):
    here = tmp_path / "elsewhere"
    train = (
        *("train", "--dataset", clicks, "--out", tmp_path / "run", "--epochs", 1, "--threads", 1),
        *("--backbone", f"{package}:Popular", "--denoiser", f"{package}:Halved"),
        *("--set", "backbone.scale=2.0", "--set", f"training.optimizer={package}:Slow"),
        *("--set", "data.options.user_column=user", "--set", "data.options.item_column=item"),
    )
    ((code, _, said),) = deca_tf_commands((here, train))
    assert code == 0, said
    evaluate = ("evaluate", tmp_path / "run")
    elsewhere, evaluated = deca_tf_commands((tmp_path, evaluate), (here, evaluate))
    assert elsewhere[0] == 2
    assert f"there is no '{package}'. Install it, work in the folder that holds it" in elsewhere[2]
    assert evaluated[0] == 0, evaluated[2]
    assert "recall" in evaluated[1]


def test_own_backbone_beside_own_networks_of_deca(package):
    assert isinstance(DENOISERS.build("deca", auxiliary=MF(3, 4)).auxiliary, MF)
    config = resolve(
        overrides={
            "data": {"dataset": "synthetic"},
            "denoiser": {"auxiliary": f"{package}:Popular", "noise_model": f"{package}:Popular"},
        }
    )
    from deca_tf.runs.preflight import check_settings

    check_settings(config)


LOSSY = """
import keras
from deca_tf.backbones import Backbone
from deca_tf.parts import option

class Signed(Backbone):
    def __init__(self, num_users, num_items, sign=1.0, **kwargs):
        super().__init__(num_users, num_items, **kwargs)
        self.sign = sign
        self.bias = self.add_table("bias", (self.num_items,))

    def call(self, inputs):
        return self.sign * keras.ops.take(self.bias, inputs["item_id"], axis=0)

class Saved(Signed):
    def get_config(self):
        return {**super().get_config(), "sign": self.sign}

class Declared(Backbone):
    sign: float = option(default=1.0, doc="Factor.")
    setup = lambda self: setattr(self, "bias", self.add_table("bias", (self.num_items,)))
    call = Signed.call

class Named(Signed):
    sign = 1.0

    def __init__(self, num_users, num_items, name=None):
        Backbone.__init__(self, num_users, num_items, name=name)
        self.bias = self.add_table("bias", (self.num_items,))
"""


def test_an_option_that_saving_would_lose_is_refused_before_training(tmp_path, monkeypatch):
    (tmp_path / "lossy_parts.py").write_text(LOSSY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def settings(name):
        return resolve(
            overrides={
                "data": {"dataset": "synthetic"},
                "backbone": {"name": f"lossy_parts:{name}", "sign": -1.0},
            }
        )

    from deca_tf.runs.preflight import check_settings

    with pytest.raises(
        TypeError,
        match=r"Option `sign` of lossy_parts:Signed must be declared by `deca_tf.parts.option` or "
        r"be in `get_config\(\)`.* Received: a config with .*seed",
    ):
        check_settings(settings("Signed"))
    check_settings(settings("Saved"))
    check_settings(settings("Declared"))
    # A constructor that passes nothing on has none of its base's arguments.
    deca_tf.DeCAModel(BACKBONES.load("lossy_parts:Named")(3, 4))
