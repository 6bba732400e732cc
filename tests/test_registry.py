"""Parts found by name.

What they can be told, and what the errors say when a name or an option is wrong.
"""

import subprocess
import sys

import pytest

from deca_tf._registry import Registry
from deca_tf.backbones import BACKBONES
from deca_tf.denoisers import DENOISERS


def test_importing_the_library_its_settings_and_its_registries_loads_no_tensorflow():
    code = (
        "import sys, deca_tf, deca_tf.config, deca_tf.backbones, deca_tf.denoisers\n"
        "deca_tf.config.resolve(); dir(deca_tf); deca_tf.backbones.BACKBONES.names; "
        "deca_tf.denoisers.DENOISERS.names\n"
        "print([name for name in ('tensorflow', 'keras', 'tf_keras', 'pandas') if name in "
        "sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_names_are_sorted():
    assert Registry("part", {"b": "m:B", "a": ("m:A", "", {"x": 1})}).names == ("a", "b")
    assert {"gmf", "mf"} <= set(BACKBONES.names)
    assert {"none", "deca", "deca-p", "deca-dp", "deca-dn", "deca-limit"} <= set(DENOISERS.names)


@pytest.mark.parametrize("registry", [BACKBONES, DENOISERS], ids=["backbones", "denoisers"])
def test_every_row_leads_to_a_class_that_the_package_exports(registry):
    package = sys.modules[f"deca_tf.{registry.kind}s"]
    for name in registry.names:
        cls = registry.load(name)
        assert isinstance(cls, type)
        assert getattr(package, cls.__name__) is cls
        assert cls.__name__ in package.__all__


def test_packages_have_no_other_names():
    package = sys.modules["deca_tf.backbones"]
    with pytest.raises(AttributeError, match="module 'deca_tf.backbones' has no attribute 'FM'"):
        getattr(package, "FM")  # noqa: B009


def test_unknown_name_is_refused_with_the_nearest():
    expected = (
        "`backbone` must be one of .*'gmf'.*'mf'.*Received: backbone='gfm'. Did you mean 'gmf'?"
    )
    with pytest.raises(ValueError, match=expected):
        BACKBONES.load("gfm")
    with pytest.raises(
        ValueError,
        match="`denoiser` must be one of.*Received: denoiser='decap'. Did you mean 'deca-p'?",
    ):
        DENOISERS.build("decap")


def test_options_are_the_arguments_with_defaults_of_the_class_and_its_bases():
    expected = {
        "embedding_dim": 32,
        "item_bias": False,
        "user_bias": False,
        "embedding_stddev": 0.01,
        "seed": 0,
        "cosine": False,
        "popularity_bonus": 0.0,
    }
    assert BACKBONES.options("mf") == expected
    assert BACKBONES.options("gmf") == expected
    assert DENOISERS.options("none") == {}
    assert DENOISERS.options("deca-limit") == {"c1": 1000.0, "c2": 10.0}


def test_arguments_that_a_name_stands_for_are_no_options():
    assert "freeze_auxiliary" in DENOISERS.options("deca")
    with pytest.raises(
        ValueError,
        match="The options of denoiser 'deca-p' are .*Received: denoiser.freeze_auxiliary=False",
    ):
        DENOISERS.check_options("deca-p", {"freeze_auxiliary": False})


def test_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(ValueError) as caught:
        DENOISERS.build("deca-limit", options={"c11": 5})
    assert str(caught.value) == (
        "The options of denoiser 'deca-limit' are c1, c2. Received: denoiser.c11=5. Did you mean "
        "'c1'?"
    )
    with pytest.raises(
        ValueError, match="The options of denoiser 'none' are none. Received: denoiser.c1=5.$"
    ):
        DENOISERS.check_options("none", {"c1": 5})


def test_build_puts_options_over_arguments():
    model = BACKBONES.build(
        "mf", options={"embedding_dim": 8}, num_users=2, num_items=3, embedding_dim=4, seed=5
    )
    assert (model.num_users, model.num_items, model.embedding_dim, model.seed) == (2, 3, 8, 5)


def test_build_passes_on_what_the_class_refuses():
    with pytest.raises(
        ValueError,
        match="`embedding_dim` must be an integer of at least 1. Received: embedding_dim=0",
    ):
        BACKBONES.build("mf", options={"embedding_dim": 0}, num_users=2, num_items=3)
