"""Keras finds our classes in saved files, whichever of the two is imported first.

It must be on TensorFlow.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import deca_tf

ROOT = pathlib.Path(deca_tf.__file__).parents[1]


def python(code, **environment):
    """Runs code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Files of a few kinds of models, and what they answer."""
    from deca_tf.backbones import BACKBONES
    from deca_tf.data import Interactions
    from deca_tf.denoisers import DENOISERS

    folder = tmp_path_factory.mktemp("saved")
    pairs = Interactions([0, 1, 2, 2], [0, 1, 2, 3], np.arange(3), np.arange(4))

    def built(name, seed):
        network = BACKBONES.build(name, num_users=3, num_items=4, seed=seed)
        network.adapt(pairs)
        return network

    answers = {}
    for backbone, denoiser, optimizer in (
        ("lightgcn", "deca", deca_tf.optimizers.Adam(0.01)),
        ("gmf", "ensemble", deca_tf.optimizers.LazyAdam(0.01)),
    ):
        networks = {
            role: built("mf", seed) for seed, role in enumerate(DENOISERS.load(denoiser).networks)
        }
        model = deca_tf.DeCAModel(built(backbone, 9), DENOISERS.build(denoiser, **networks))
        model.compile(optimizer, jit_compile=False)
        inputs = {"user_id": np.arange(3), "item_id": np.arange(3)}
        model.fit(inputs, np.array([1.0, 0.0, 1.0]), batch_size=2, steps_per_epoch=1, verbose=0)
        model.save(folder / f"{denoiser}.keras")
        answers[f"{denoiser}.keras"] = model.predict(inputs, verbose=0).tolist()
    return folder, answers


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import deca_tf, keras", "import keras, deca_tf"])
def test_models_are_loaded_in_another_process_whichever_is_imported_first(imports, saved):
    folder, answers = saved
    code = (
        f"{imports}\nimport json, sys, numpy as np\n"
        "assert not {'deca_tf.backbones.mf', 'deca_tf.training.deca_model'} & set(sys.modules)\n"
        "inputs = {'user_id': np.arange(3), 'item_id': np.arange(3)}\n"
        "def answer(file):\n"
        f"    model = keras.models.load_model({str(folder)!r} + '/' + file)\n"
        "    assert type(model.optimizer).__module__.startswith('deca_tf.'), model.optimizer\n"
        "    return model.predict(inputs, verbose=0).tolist()\n"
        f"print(json.dumps({{file: answer(file) for file in {list(answers)!r}}}))"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for file, expected in answers.items():
        np.testing.assert_allclose(found[file], expected, rtol=1e-5, atol=1e-7)


def test_every_class_that_keras_saves_can_be_found_by_the_name_it_is_saved_under():
    import importlib
    import pkgutil

    import keras

    from deca_tf._keras import _homes

    registered = set()
    for module in pkgutil.walk_packages(deca_tf.__path__, "deca_tf."):
        if module.name.split(".")[1] in ("backbones", "denoisers", "optimizers", "training"):
            found = vars(importlib.import_module(module.name)).values()
            registered |= {
                keras.saving.get_registered_name(cls)
                for cls in found
                if isinstance(cls, type) and cls.__module__.startswith("deca_tf.")
            }
    registered = {name for name in registered if name.startswith("deca_tf>")}
    bases = {"EncodesHistories", "Factorized", "LossReweighting"}  # of which nothing is saved
    registered -= {f"deca_tf>{base}" for base in bases}
    assert registered == {f"deca_tf>{home.partition(':')[2]}" for home in _homes()}
    assert len(registered) > 10


# The backend


@pytest.mark.parametrize("name", ["backbones.MF", "DeCAModel", "optimizers.Adam", "evaluate"])
def test_keras_on_another_backend_is_refused_before_it_is_imported(name):
    done = python(f"import deca_tf; deca_tf.{name}", KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: deca_tf needs Keras on TensorFlow. Received: KERAS_BACKEND='jax'. Set "
        "KERAS_BACKEND=tensorflow before keras is imported."
    )


def test_a_backend_of_kerass_own_settings_is_refused(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    done = python(
        "import deca_tf; deca_tf.training.DeCAModel", KERAS_HOME=str(tmp_path), KERAS_BACKEND=""
    )
    assert "Received: backend 'torch' in " in done.stderr.splitlines()[-1]


def test_keras_that_was_imported_on_another_backend_is_refused():
    code = (
        "import sys, types\n"
        "keras = types.ModuleType('keras')\n"
        "keras.config = types.SimpleNamespace(backend=lambda: 'torch')\n"
        "keras.saving = None\n"
        "sys.modules['keras'] = keras\n"
        "import deca_tf\n"
        "deca_tf.DeCAModel"
    )
    done = python(code)
    assert "Received: keras imported on backend 'torch'." in done.stderr.splitlines()[-1]


def test_the_command_line_says_so_in_one_line(tmp_path):
    code = (
        "from deca_tf.cli.main import main; import sys\n"
        f"sys.argv = ['deca-tf', 'evaluate', {str(tmp_path)!r}]\n"
        "main()"
    )
    done = python(code, KERAS_BACKEND="jax")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: deca_tf needs Keras on TensorFlow.")
    assert len(done.stderr.splitlines()) == 1
    help_alone = python(code.replace("'evaluate',", "'--help',"), KERAS_BACKEND="jax")
    assert (help_alone.returncode, help_alone.stderr) == (0, "")
