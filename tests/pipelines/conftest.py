"""A small log, and a pipeline over it."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("apache_beam", reason="needs the extra `pipelines`")
pytest.importorskip("tensorflow_transform", reason="needs the extra `pipelines`")


@pytest.fixture(scope="session")
def log():
    """2,000 clicks of a day by 100 users on 60 items, some of them repeated, as a data frame."""
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 100, 2000), (rng.pareto(1.0, 2000) * 5).astype(int) % 60
    return pd.DataFrame(
        {
            "user": [f"user {user}" for user in users],
            "item": [f"Stück {item}" for item in items],
            "rating": rng.integers(1, 6, 2000),
            "time": 1_700_000_000
            + np.sort(rng.integers(0, 86_400, 2000)) // 1800 * 1800,  # many of them equal
        }
    )


@pytest.fixture(scope="session")
def settings_of():
    """Function from a folder, a file's name and more settings of the log to `Settings`."""
    from pipelines.settings import Settings

    def settings(folder, file, **more):
        columns = {"user_column": "user", "item_column": "item", "timestamp_column": "time"}
        return Settings(
            root=folder / "artifacts", input={"files": [str(folder / file)], **columns, **more}
        )

    return settings


@pytest.fixture(scope="session")
def accepted(log, settings_of, tmp_path_factory):
    """Folder with a first span that was accepted, its settings, and its executions up to Split."""
    from pipelines.run import run_pipeline

    folder = tmp_path_factory.mktemp("pipeline")
    log.to_csv(folder / "log.csv", index=False)
    settings = settings_of(folder, "log.csv")
    return folder, settings, run_pipeline(settings, until="Split")
