"""Python and TOML blocks of the pages run from top to bottom."""

import tomllib
import warnings

import pytest

import deca_tf
from tests.docs.blocks import PAGES, blocks_of

WITH_PYTHON = [
    page for page in PAGES if any(block.language == "python" for block in blocks_of(page))
]


@pytest.mark.parametrize("page", WITH_PYTHON)
@pytest.mark.filterwarnings("ignore:Training has collapsed")  # a few epochs of a small table
def test_blocks_of_a_page_run_one_after_the_other(page, folder_with_clicks, monkeypatch):
    # Keras Tuner's search touches `tf.keras`, and whoever exports after it needs it to be Keras 2.
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    if page == "docs/search.md":
        pytest.importorskip("sklearn")  # of the extra `search`
    names = {"__name__": "page"}
    with warnings.catch_warnings():
        if page == "README.md":  # the front door is entered without a warning
            warnings.simplefilter("error", UserWarning)
            warnings.filterwarnings("ignore", "Training has collapsed")
        for block in blocks_of(page):
            if block.language == "python" and block.why_not_run is None:
                code = "\n" * (block.line - 1) + block.code  # lines of a traceback are the page's
                exec(compile(code, block.page, "exec"), names)
    if page == "README.md":
        assert (folder_with_clicks / "saved_models/clicks/1/saved_model.pb").is_file()
        model, split = names["model"], names["split"]
        assert model.history.history["val_recall@20"][-1] > 0
        assert deca_tf.evaluate(model, split)["recall@20"] > 0
        recommender = deca_tf.Recommender("saved_models/clicks")
        assert len(recommender.recommend(["customer-7"])) == 10


@pytest.mark.parametrize("page", PAGES)
def test_a_block_that_is_not_run_says_why(page):
    for block in blocks_of(page):
        assert ("no-run" in block.info) == bool(block.why_not_run), f"{page}:{block.line}"


@pytest.mark.parametrize("page", PAGES)
def test_settings_are_toml(page):
    for block in blocks_of(page):
        if block.language == "toml":
            assert tomllib.loads(block.code), f"{page}:{block.line}"


def test_settings_of_pipelines_are_those_that_there_are(tmp_path):
    from pipelines.settings import Settings

    for block in blocks_of("docs/pipelines.md"):
        if block.language == "toml":
            Settings.model_validate(tomllib.loads(block.code))
