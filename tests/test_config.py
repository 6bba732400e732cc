"""Settings: how they are put together, the recipes that are shipped, and what the errors say."""

import tomllib

import pytest
import tomli_w

from deca_tf.backbones import BACKBONES
from deca_tf.cli._assignments import parse_assignment
from deca_tf.config import Config, merge, resolve, shipped_recipe
from deca_tf.denoisers import DENOISERS

DECA = ("deca", "deca-p", "deca-dp", "deca-dn")

# As released with the paper, for GMF: C1, C2, alpha, lambda, epochs.
RELEASED = {
    ("ml-100k", "none"): (None, None, None, 0.1, 20),
    ("ml-100k", "deca"): (1000, 1000, 1.0, 0.1, 20),
    ("ml-100k", "deca-p"): (1000, 1000, 1.0, 0.1, 20),
    ("modcloth", "none"): (None, None, None, 0.1, 40),
    ("modcloth", "deca"): (100, 10, 0.0, 0.1, 40),
    ("modcloth", "deca-p"): (100, 10, 1.0, 0.1, 40),
    ("adressa", "none"): (None, None, None, 0.01, 10),
    ("adressa", "deca"): (100, 10, 1.0, 0.0, 15),
    ("adressa", "deca-p"): (1000, 10, 1.0, 0.01, 10),
    ("electronics-sample", "none"): (None, None, None, 0.01, 10),
    ("electronics-sample", "deca"): (1000, 10, 1.0, 0.01, 15),
    ("electronics-sample", "deca-p"): (1000, 10, 1.0, 0.01, 10),
}
RECIPES = sorted(path.stem for path in shipped_recipe(None).parent.glob("*.toml"))


def settings(dataset, denoiser="deca", **data):
    return resolve(overrides={"data": {"dataset": dataset, **data}, "denoiser": {"name": denoiser}})


def recipe(folder, text):
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


# The recipes that are shipped


@pytest.mark.parametrize(("dataset", "denoiser"), RELEASED)
def test_shipped_recipe_has_the_released_settings(dataset, denoiser):
    config = settings(dataset, denoiser, protocol="paper")
    c1, c2, alpha, l2, epochs = RELEASED[dataset, denoiser]
    options = config.denoiser.model_extra
    assert config.backbone.name == "gmf"
    assert (options.get("c1"), options.get("c2"), options.get("alpha")) == (c1, c2, alpha)
    assert (config.training.l2, config.training.epochs) == (l2, epochs)
    assert (
        config.training.batch_size,
        config.training.num_negatives,
        config.training.learning_rate,
    ) == (2048, 1, 1e-3)
    assert not config.training.exclude_observed
    if denoiser != "none":
        assert options["first_update"] == "both"
        assert options.get("kl_weighting", "g||f") == "g||f"
    if denoiser == "deca-p":
        assert config.prior.seed == "same"


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("denoiser", DENOISERS.names)
@pytest.mark.parametrize("protocol", ["clean", "paper"])
def test_every_shipped_recipe_resolves_for_every_denoiser(name, denoiser, protocol):
    config = settings(name, denoiser, protocol=protocol)
    BACKBONES.check_options(config.backbone.name, config.backbone.model_extra)
    DENOISERS.check_options(denoiser, config.denoiser.model_extra)
    if denoiser in (*DECA, "deca-limit"):  # chosen, not left at the class's defaults
        assert {"c1", "c2"} <= set(config.denoiser.model_extra)
    assert config.training.keep == (
        "last"
        if protocol == "paper" and name in ("ml-100k", "modcloth", "adressa", "electronics")
        else "best"
    )


@pytest.mark.parametrize("dataset", ["ml-100k", "modcloth", "adressa", "electronics-sample"])
def test_ablations_share_the_settings_of_deca(dataset):
    deca = settings(dataset, "deca")
    for denoiser in ("deca-dp", "deca-dn"):
        ablation = settings(dataset, denoiser)
        assert ablation.denoiser.model_extra == deca.denoiser.model_extra
        assert ablation.training == deca.training


@pytest.mark.parametrize("dataset", [None, "clicks.csv", "movielens/1m-ratings"])
def test_data_without_a_recipe_of_its_own_gets_the_default_one(dataset):
    assert shipped_recipe(dataset).name == "default.toml"


def test_options_of_a_data_set_keep_its_recipe():
    assert shipped_recipe("ml-100k/anything").name == "ml-100k.toml"


# Putting together


def test_overrides_win_over_variants_which_win_over_the_recipe(tmp_path):
    path = recipe(
        tmp_path,
        """
        [training]
        epochs = 1
        l2 = 1.0
        learning_rate = 0.1
        [denoiser]
        name = "deca-limit"
        c1 = 1
        [[variant]]
        when = { denoiser = "deca-limit" }
        training = { epochs = 2, l2 = 2.0 }
        [[variant]]
        when = { denoiser = ["deca", "deca-limit"], protocol = "clean" }
        denoiser = { c1 = 3 }
        [[variant]]
        when = { denoiser = "deca" }
        training = { epochs = 9 }
        [[variant]]
        when = { denoiser = "deca-limit", protocol = "paper" }
        training = { epochs = 9 }
        """,
    )
    config = resolve(path, {"training": {"l2": 3.0}})
    assert (config.training.epochs, config.training.l2, config.training.learning_rate) == (
        2,
        3.0,
        0.1,
    )
    assert config.denoiser.model_extra == {"c1": 3}


def test_variant_looks_at_what_the_overrides_chose(tmp_path):
    path = recipe(tmp_path, '[[variant]]\nwhen = { backbone = "gmf" }\nseed = 5')
    assert resolve(path).seed == 0
    assert resolve(path, {"backbone": {"name": "gmf"}}).seed == 5


def test_resolved_settings_are_a_recipe_that_resolves_to_themselves(tmp_path):
    for denoiser in DENOISERS.names:
        config = settings("adressa", denoiser, protocol="paper")
        path = recipe(tmp_path, tomli_w.dumps(config.to_dict()))
        assert resolve(path) == config


def test_settings_do_not_share_what_can_be_changed():
    one = Config()
    one.data.options["user_column"] = "who"
    one.training.epochs = 3
    assert Config().data.options == {}
    assert Config().training.epochs == 20


def test_every_setting_has_a_docstring():
    for name, table in Config.model_fields.items():
        assert table.annotation.__doc__, name
        for key, field in getattr(table.annotation, "model_fields", {}).items():
            assert field.description, f"{name}.{key}"


def test_merge_is_deep_and_leaves_its_arguments_alone():
    one, two = {"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 4}, "b": {"z": 5}}
    assert merge(one, two) == {"a": {"x": 1, "y": 4}, "b": {"z": 5}}
    assert one == {"a": {"x": 1, "y": 2}, "b": 3}


# --set


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("denoiser.c1=100", {"denoiser": {"c1": 100}}),
        ("training.learning_rate=1e-3", {"training": {"learning_rate": 0.001}}),
        ("backbone.item_bias=true", {"backbone": {"item_bias": True}}),
        ("denoiser.phases=['dp']", {"denoiser": {"phases": ["dp"]}}),
        ("backbone.name=mf", {"backbone": {"name": "mf"}}),
        ('backbone.name="mf"', {"backbone": {"name": "mf"}}),
        ("denoiser.kl_weighting=g||f", {"denoiser": {"kl_weighting": "g||f"}}),
        ("data.clean_test=rating >= 5", {"data": {"clean_test": "rating >= 5"}}),
        ("seed=3", {"seed": 3}),
        (" training . l2 = 0.5", {"training": {"l2": 0.5}}),
        ("data.dataset=", {"data": {"dataset": ""}}),
        ("prior.training.epochs=2", {"prior": {"training": {"epochs": 2}}}),
    ],
)
def test_assignments_are_read(text, expected):
    assert parse_assignment(text) == expected


@pytest.mark.parametrize("text", ["denoiser.c1", "=3", "denoiser.=3", ".c1=3", ""])
def test_assignments_without_a_key_or_a_value_are_refused(text):
    with pytest.raises(
        ValueError, match="`--set` takes table.key=value, such as denoiser.c1=100. Received: "
    ):
        parse_assignment(text)


# Refusals


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"trainig": {}},
            "Unknown setting. Received: trainig={}. Known there: .*Did you mean 'training'?",
        ),
        (
            {"training": {"epoch": 3}},
            "Received: training.epoch=3. Known there: .*epochs.*Did you mean 'epochs'?",
        ),
        ({"data": {"data_set": "x"}}, "Received: data.data_set='x'.*Did you mean 'dataset'?"),
        (
            {"training": {"epochs": 0}},
            "^`training.epochs` must be at least 1. Received: training.epochs=0.$",
        ),
        (
            {"training": {"l2": -1}},
            "`training.l2` must be at least 0. Received: training.l2=-1.$",
        ),
        (
            {"training": {"learning_rate": float("inf")}},
            "`training.learning_rate` must be .*finite number",
        ),
        (
            {"training": {"epochs": "many"}},
            "`training.epochs` must be .*integer.*Received: training.epochs='many'",
        ),
        (
            {"data": {"protocol": "dirty"}},
            "`data.protocol` must be 'clean', 'paper' or 'timeline'.*Received: data.protocol='dirty'",
        ),
        ({"seed": -1}, "`seed` must be at least 0. Received: seed=-1"),
        ({"data": "ml-100k"}, "`data` must be a table of settings. Received: data='ml-100k'"),
        ({"backbone": "gmf"}, "`backbone` must be a table of settings. Received: backbone='gmf'"),
    ],
)
def test_wrong_settings_are_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        resolve(overrides=overrides)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = = 3", "recipe.toml` must be TOML. Received: "),
        ("[training]\nepoch = 3", "Received: training.epoch=3.*Did you mean 'epochs'?"),
        (
            "[[variant]]\nwhen = { denoisr = 'deca' }",
            "`when` of variant 1 in .*Received: 'denoisr'. Did you mean 'denoiser'?",
        ),
        (
            "[[variant]]\nwhen = 'deca'",
            "`when` of variant 1 in .* must be a table.*Received: 'deca'",
        ),
        (
            "[variant]\nseed = 3",
            r"must be a table under \[\[variant\]\]. Received: variant={'seed': 3}",
        ),
        (
            "[[variant]]\n[variant.training]\nepoch = 3",
            "Received: training.epoch=3.*Did you mean 'epochs'?",
        ),
    ],
)
def test_wrong_recipes_are_refused(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        resolve(recipe(tmp_path, text))


def test_recipe_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="must be TOML"):
        resolve(path)


def test_missing_recipe_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="The recipe must be an existing TOML file. Received: '.*none.toml'"
    ):
        resolve(tmp_path / "none.toml")


def test_shipped_recipes_name_no_part_that_does_not_exist():
    """A misspelt `when` would silently never apply."""
    for name in RECIPES:
        tables = tomllib.loads(
            (shipped_recipe(None).parent / f"{name}.toml").read_text(encoding="utf-8")
        )
        for variant in tables.get("variant", []):
            when = variant["when"]
            assert set(when) <= {"backbone", "denoiser", "protocol"}
            for key, known in (
                ("backbone", BACKBONES.names),
                ("denoiser", DENOISERS.names),
                ("protocol", ("clean", "paper")),
            ):
                chosen = when.get(key, [])
                assert set([chosen] if isinstance(chosen, str) else chosen) <= set(known), (
                    name,
                    when,
                )


def test_a_wrong_value_names_the_recipe_that_it_stands_in(tmp_path):
    (tmp_path / "mine.toml").write_text("[training]\nepochs = 0\n")
    with pytest.raises(ValueError, match=r"Received: training.epochs=0 \(recipe mine.toml\)\.$"):
        resolve(tmp_path / "mine.toml", {"seed": 1})
